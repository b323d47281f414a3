/**
 * The cookies that origins set, in memory, one jar for each origin and identity: a cookie goes back to the
 * scheme, host and port that set it and nowhere else, whatever its Domain says (stricter than RFC 6265bis
 * §5.7, so that no application can plant a cookie for its neighbours), and only along with the
 * credential of whom it was set for. Access's own cookies are neither kept
 * nor sent: they are credentials, and credentials are the session room's.
 */

import { Cookie, CookieJar } from 'tough-cookie';
import { isAccessCookie } from '../secrets/access-cookies.ts';
import type { Fields } from './fields.ts';
import { hidesDotSegment } from './path-readings.ts';
import { fieldText } from './response-headers.ts';

export interface CookieStore {
  /**
   * `headers` with the cookies that the origin set for `identity`; the agent's own win over a kept one
   * of that name.
   */
  attach(
    url: URL,
    headers: readonly (readonly [string, string])[],
    identity: string,
  ): (readonly [string, string])[];
  /** Keeps what the answer's Set-Cookie fields set for `identity`. Cookies that break the rules are left out. */
  store(url: URL, headers: Fields, identity: string): void;
  /** All that is kept for a URL, whomever for: another text when any of it has changed. */
  state(url: URL): string;
}

const maxJars = 200;
const maxCookies = 50;
const maxCookieLength = 4096;
/** Most servers refuse header fields beyond 8 KiB. */
const maxHeaderLength = 7000;

export function createCookieStore(): CookieStore {
  const jars = new Map<string, CookieJar>();
  return {
    attach(url, headers, identity) {
      const unclear = hidesDotSegment(url);
      // A cookie that is for a path goes where every reading of the URL stays in it.
      const kept = (jars.get(jarKey(url, identity))?.getCookiesSync(url.href) ?? []).filter(
        ({ path }) => !unclear || path === '/',
      );
      if (kept.length === 0) return [...headers];
      const own = headers.find(([name]) => name.toLowerCase() === 'cookie')?.[1];
      const named = new Set((own ?? '').split(';').map((pair) => pair.split('=')[0]?.trim()));
      let value = own ?? '';
      for (const cookie of kept) {
        if (named.has(cookie.key) || isAccessCookie(cookie.key)) continue;
        const pair = cookie.cookieString();
        if (value.length + pair.length + 2 > maxHeaderLength) break;
        value += `${value === '' ? '' : '; '}${pair}`;
      }
      const others = headers.filter(([name]) => name.toLowerCase() !== 'cookie');
      return value === '' ? others : [...others, ['cookie', value]];
    },

    store(url, headers, identity) {
      for (const field of headers.getSetCookie().slice(0, maxCookies)) {
        const cookie = field.length <= maxCookieLength ? Cookie.parse(fieldText(field)) : undefined;
        if (!cookie || isAccessCookie(cookie.key) || !hostMatches(cookie, url)) continue;
        cookie.domain = null;
        const jar = jarFor(jars, jarKey(url, identity));
        jar.setCookieSync(cookie, url.href, { ignoreError: true });
        makeRoom(jar);
      }
    },

    state(url) {
      const ofOrigin = [...jars].filter(([key]) => key.startsWith(`${url.origin} `)).sort();
      return JSON.stringify(ofOrigin.map(([key, jar]) => [key, jar.getCookieStringSync(url.href)]));
    },
  };
}

function jarKey({ origin }: URL, identity: string): string {
  return `${origin} ${identity}`;
}

/** RFC 6265bis §5.7 step 10: a Domain that is not the host or above it makes the cookie void. */
function hostMatches(cookie: Cookie, { hostname }: URL): boolean {
  const domain = cookie.domain?.replace(/^\./, '').toLowerCase();
  return !domain || hostname === domain || hostname.endsWith(`.${domain}`);
}

function jarFor(jars: Map<string, CookieJar>, key: string): CookieJar {
  const jar = jars.get(key) ?? new CookieJar(undefined, { rejectPublicSuffixes: false });
  jars.delete(key); // The most recently set is the last, so that the first is the one to forget.
  jars.set(key, jar);
  const [oldest] = jars.keys();
  if (jars.size > maxJars && oldest !== undefined) jars.delete(oldest);
  return jar;
}

/** RFC 6265bis §5.7: the earliest-created go first when there are too many. */
function makeRoom(jar: CookieJar): void {
  const cookies = jar.serializeSync()?.cookies ?? [];
  if (cookies.length <= maxCookies) return;
  jar.removeAllCookiesSync();
  for (const kept of cookies.slice(-maxCookies)) {
    const cookie = Cookie.fromJSON(kept);
    if (cookie?.domain) jar.store.putCookie(cookie, () => {});
  }
}
