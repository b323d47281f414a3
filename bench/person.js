/** A person at a browser without JavaScript, who presses the first button on the sandbox's login page. */

/** @param {string} address */
export async function signIn(address) {
  let url = new URL(address);
  /** @type {URLSearchParams | undefined} */
  let body;
  const cookies = new Map();
  for (let step = 0; step < 20; step += 1) {
    const jar = [...cookies].filter(([key]) => key.startsWith(`${url.host} `));
    const answer = await fetch(url, {
      method: body ? 'POST' : 'GET',
      redirect: 'manual',
      headers: {
        accept: 'text/html',
        ...(body ? { origin: url.origin } : {}),
        cookie: jar.map(([key, value]) => `${key.split(' ')[1]}=${value}`).join('; '),
      },
      ...(body ? { body } : {}),
    });
    for (const line of answer.headers.getSetCookie()) {
      const [, name, value] = /^([^=;]+)=([^;]*)/.exec(line) ?? [];
      cookies.set(`${url.host} ${name}`, value);
    }
    const page = await answer.text();
    const location = answer.headers.get('location');
    body = undefined;
    if (location) {
      url = new URL(location, url);
      continue;
    }
    const person = /<form method="post">[\s\S]*?data-person="([^"]*)"/.exec(page)?.[1];
    if (person === undefined) return;
    body = new URLSearchParams({ person });
  }
  throw new Error('The browser was sent around 20 times.');
}
