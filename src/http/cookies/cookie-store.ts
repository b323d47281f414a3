/**
 * The cookies that origins set, in memory, with one jar for each origin and identity. A cookie is sent
 * only to the scheme, host and port that set it, whatever its Domain (stricter than RFC 6265bis §5.7, so
 * that no application can set a cookie for its neighbours), and only together with the credential of the
 * identity that it was set for. Access's own cookies are neither kept nor sent, because they are
 * credentials.
 */

import type { Cookie, CookieJar } from 'tough-cookie';
import { isAccessCookie } from '../../secrets/access-cookies.ts';
import type { Fields } from '../fields.ts';
import { hidesDotSegment } from '../path-readings.ts';
import { fieldText } from '../response-headers.ts';

export interface CookieStore {
  /**
   * `headers` with the cookies that the origin set for `identity`; a cookie that the agent sets takes
   * precedence over a stored one of the same name.
   */
  attach(
    url: URL,
    headers: readonly (readonly [string, string])[],
    identity: string,
  ): (readonly [string, string])[];
  /** Stores what the answer's Set-Cookie fields set for `identity`. Invalid cookies are ignored. */
  store(url: URL, headers: Fields, identity: string): void | Promise<void>;
  /** A text that changes whenever any cookie stored for the URL, for any identity, changes. */
  state(url: URL): string;
}

const maxJars = 200;
const maxCookies = 50;
const maxCookieLength = 4096;
/** Most servers refuse header fields beyond 8 KiB. */
const maxHeaderLength = 7000;

export function createCookieStore(): CookieStore {
  const jars = new Map<string, CookieJar>();
  const keep = async (url: URL, fields: readonly string[], identity: string): Promise<void> => {
    // Most answers set none, and what parses them brings the list of public suffixes along.
    const { newJar, parseCookie, setCookie } = await import('./cookie-jar.ts');
    for (const field of fields) {
      const cookie = field.length <= maxCookieLength ? parseCookie(fieldText(field)) : undefined;
      if (!cookie || isAccessCookie(cookie.key) || !hostMatches(cookie, url)) continue;
      const jar = jarFor(jars, jarKey(url, identity), newJar);
      setCookie(jar, cookie, url, maxCookies);
    }
  };
  return {
    attach(url, headers, identity) {
      const unclear = hidesDotSegment(url);
      // A cookie for a path is sent only where every reading of the URL stays within that path.
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
      const fields = headers.getSetCookie().slice(0, maxCookies);
      return fields.length === 0 ? undefined : keep(url, fields, identity);
    },

    state(url) {
      if (jars.size === 0) return '[]';
      const ofOrigin = [...jars].filter(([key]) => key.startsWith(`${url.origin} `)).sort();
      return JSON.stringify(ofOrigin.map(([key, jar]) => [key, jar.getCookieStringSync(url.href)]));
    },
  };
}

function jarKey({ origin }: URL, identity: string): string {
  return `${origin} ${identity}`;
}

/** RFC 6265bis §5.7 step 10: a cookie whose Domain is neither the host nor a parent of it is ignored. */
function hostMatches(cookie: Cookie, { hostname }: URL): boolean {
  const domain = cookie.domain?.replace(/^\./, '').toLowerCase();
  return !domain || hostname === domain || hostname.endsWith(`.${domain}`);
}

function jarFor(jars: Map<string, CookieJar>, key: string, newJar: () => CookieJar): CookieJar {
  const jar = jars.get(key) ?? newJar();
  jars.delete(key); // Keeps the jars in the order of use, so that the first is the one to drop.
  jars.set(key, jar);
  const [oldest] = jars.keys();
  if (jars.size > maxJars && oldest !== undefined) jars.delete(oldest);
  return jar;
}
