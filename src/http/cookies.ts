/**
 * The cookies that origins set, in memory, one jar per origin: a cookie goes back to the scheme, host
 * and port that set it and nowhere else, whatever its Domain says (stricter than RFC 6265bis §5.7,
 * so that no application can plant a cookie for its neighbours). Access's own cookies are neither kept
 * nor sent: they are credentials, and credentials are the session room's.
 */
import { Cookie, CookieJar } from 'tough-cookie';
import { isAccessCookie } from './access-cookies.ts';
import { hidesDotSegment } from './hidden-dot-segment.ts';
import { fieldText } from './response-headers.ts';

export interface CookieStore {
  /** `headers` with the origin's cookies added; the agent's own win over a kept one of that name. */
  attach(url: URL, headers: readonly (readonly [string, string])[]): (readonly [string, string])[];
  /** Keeps what the answer's Set-Cookie fields set. Cookies that break the rules are left out. */
  store(url: URL, headers: Headers): void;
  /** From now on the origin's cookies are `identity`'s; those of another one are let go. */
  belongTo(url: URL, identity: string): void;
}

const maxOrigins = 200;
const maxCookies = 50;
const maxCookieLength = 4096;
/** Most servers refuse header fields beyond 8 KiB. */
const maxHeaderLength = 7000;

export function createCookieStore(): CookieStore {
  const jars = new Map<string, CookieJar>();
  const owners = new Map<string, string>();
  return {
    attach(url, headers) {
      const unclear = hidesDotSegment(url);
      // A cookie that is for a path goes where every reading of the URL stays in it.
      const kept = (jars.get(url.origin)?.getCookiesSync(url.href) ?? []).filter(
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

    store(url, headers) {
      for (const field of headers.getSetCookie().slice(0, maxCookies)) {
        const cookie = field.length <= maxCookieLength ? Cookie.parse(fieldText(field)) : undefined;
        if (!cookie || isAccessCookie(cookie.key) || !hostMatches(cookie, url)) continue;
        cookie.domain = null;
        const jar = jarFor(jars, url.origin);
        jar.setCookieSync(cookie, url.href, { ignoreError: true });
        makeRoom(jar);
      }
    },

    belongTo({ origin }, identity) {
      const owner = owners.get(origin);
      if (owner === identity) return;
      if (owner !== undefined) jars.delete(origin);
      if (owners.size >= maxOrigins) {
        owners.clear();
        jars.clear();
      }
      owners.set(origin, identity);
    },
  };
}

/** RFC 6265bis §5.7 step 10: a Domain that is not the host or above it makes the cookie void. */
function hostMatches(cookie: Cookie, { hostname }: URL): boolean {
  const domain = cookie.domain?.replace(/^\./, '').toLowerCase();
  return !domain || hostname === domain || hostname.endsWith(`.${domain}`);
}

function jarFor(jars: Map<string, CookieJar>, origin: string): CookieJar {
  const jar = jars.get(origin) ?? new CookieJar(undefined, { rejectPublicSuffixes: false });
  jars.delete(origin); // The most recently set is the last, so that the first is the one to forget.
  jars.set(origin, jar);
  const [oldest] = jars.keys();
  if (jars.size > maxOrigins && oldest !== undefined) jars.delete(oldest);
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
