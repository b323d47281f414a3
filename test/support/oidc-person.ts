/** A person at oidc-provider's own pages: follows redirects, keeps cookies, fills in each form. */

export interface Visit {
  readonly url: URL;
  readonly status: number;
  readonly page: string;
}

const mostSteps = 20;

/** Signs in as `login`, or presses what declines where `login` is null. */
export async function signInAtProvider(start: string, login: string | null): Promise<Visit> {
  const cookies = new Map<string, string>();
  let url = new URL(start);
  let form: URLSearchParams | undefined;
  for (let step = 0; step < mostSteps; step += 1) {
    const answer = await fetch(url, {
      method: form ? 'POST' : 'GET',
      redirect: 'manual',
      headers: {
        accept: 'text/html',
        cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; '),
      },
      body: form ?? null,
    });
    for (const line of answer.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      if (name !== undefined) cookies.set(name, value ?? '');
    }
    const page = await answer.text();
    const location = answer.headers.get('location');
    form = undefined;
    if (location) {
      url = new URL(location, url);
      continue;
    }
    const next = fillIn(page, url, login);
    if (answer.status !== 200 || next === undefined) return { url, status: answer.status, page };
    ({ url, form } = next);
  }
  throw new Error(`The person was sent around ${mostSteps} times`);
}

function fillIn(page: string, at: URL, login: string | null) {
  const abort = /<a href="([^"]*\/abort)"/.exec(page)?.[1];
  if (login === null && abort) return { url: new URL(abort, at), form: undefined };
  const [, attributes, inside] = /<form([^>]*)>([\s\S]*?)<\/form>/.exec(page) ?? [];
  const action = /action="([^"]*)"/.exec(attributes ?? '')?.[1];
  if (action === undefined) return undefined;
  const form = new URLSearchParams();
  for (const [input] of (inside ?? '').matchAll(/<input[^>]*>/g)) {
    const name = /name="([^"]*)"/.exec(input)?.[1];
    if (name === undefined) continue;
    const typed = name === 'login' ? login : name === 'password' ? 'anything' : undefined;
    form.set(name, typed ?? /value="([^"]*)"/.exec(input)?.[1] ?? '');
  }
  if (login === null) form.set('abort', 'yes');
  return { url: new URL(action, at), form };
}
