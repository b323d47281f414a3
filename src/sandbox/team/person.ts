/**
 * A scripted person at a browser: opens an address, follows redirects, keeps cookies, presses one button
 * on the login page, and reports where it ended up. Runs no JavaScript, because the pages need none.
 */
export const decline = 'decline';

export interface Visited {
  /** Where the browser ended up, with the complete query. */
  readonly url: URL;
  /** Undefined when that address could not be loaded: nothing listened there. */
  readonly status: number | undefined;
  readonly page: string;
}

export interface SignInOptions {
  /** What to type when a page asks for a device's user code. */
  readonly userCode?: string;
  /** Ends the visit at the first redirect to such an address, without loading it. */
  readonly stopAt?: (url: URL) => boolean;
  /** Pass the same object to several visits to make the browser remember cookies. */
  readonly cookies?: Cookies;
  readonly signal?: AbortSignal;
}

/** By host and port, as if ports were hosts: name to value. */
export type Cookies = Map<string, Map<string, string>>;

const mostSteps = 20;

/** `person`: an address on the login page, or `decline`. Throws when a page has no such button. */
export async function signInAs(
  start: URL | string,
  person: string,
  options: SignInOptions = {},
): Promise<Visited> {
  const { cookies = new Map(), signal, userCode, stopAt } = options;
  let url = new URL(start);
  let body: URLSearchParams | undefined;
  for (let step = 0; step < mostSteps; step++) {
    let answer: Response;
    try {
      answer = await load(url, body, cookies, signal);
    } catch (error) {
      if (signal?.aborted) throw error;
      return { url, status: undefined, page: '' };
    }
    keepCookies(cookies, url, answer);
    const location = answer.headers.get('location');
    const page = await answer.text();
    if (answer.status >= 300 && answer.status < 400 && location !== null) {
      url = new URL(location, url);
      body = undefined;
      if (stopAt?.(url)) return { url, status: undefined, page: '' };
      continue;
    }
    const form = fillIn(page, person, userCode);
    if (answer.status !== 200 || form === undefined) return { url, status: answer.status, page };
    body = form;
  }
  throw new Error(`The browser was sent around ${mostSteps} times, last to ${url.origin}`);
}

function load(
  url: URL,
  body: URLSearchParams | undefined,
  cookies: Cookies,
  signal: AbortSignal | undefined,
): Promise<Response> {
  const kept = [...(cookies.get(url.host) ?? [])].map(([name, value]) => `${name}=${value}`);
  return fetch(url, {
    method: body === undefined ? 'GET' : 'POST',
    redirect: 'manual',
    headers: {
      accept: 'text/html,application/xhtml+xml',
      // Unlike a browser, fetch does not repeat what a server that is just ending has not answered.
      connection: 'close',
      'user-agent': 'Mozilla/5.0 (a scripted person)',
      ...(body === undefined ? {} : { origin: url.origin }),
      ...(kept.length === 0 ? {} : { cookie: kept.join('; ') }),
    },
    body: body ?? null,
    signal: signal ?? null,
  });
}

function keepCookies(cookies: Cookies, url: URL, answer: Response): void {
  const jar = cookies.get(url.host) ?? new Map<string, string>();
  cookies.set(url.host, jar);
  for (const line of answer.headers.getSetCookie()) {
    const [, name, value] = /^([^=;]+)=([^;]*)/.exec(line) ?? [];
    if (name === undefined) continue;
    if (value === '') jar.delete(name);
    else jar.set(name, value ?? '');
  }
}

/** The data of the page's form as this person submits it; undefined when there is no form to fill in. */
function fillIn(
  page: string,
  person: string,
  userCode: string | undefined,
): URLSearchParams | undefined {
  if (!/<form method="post">/.test(page)) return undefined;
  if (/<input name="user_code"/.test(page)) {
    return userCode === undefined ? undefined : new URLSearchParams({ user_code: userCode });
  }
  const people = [...page.matchAll(/data-person="([^"]*)"/g)].map((match) => match[1]);
  if (people.length === 0) return undefined;
  if (person === decline) return new URLSearchParams({ decline: '1' });
  if (!people.includes(person)) throw new Error(`The login page has no button for ${person}`);
  return new URLSearchParams({ person });
}
