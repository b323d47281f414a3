/**
 * The application's cookies as curl keeps them, in one jar by host and path (RFC 6265): for `-b` and
 * `-c`, where the person says which cookies these are. Access's own are neither kept nor sent.
 */
import { Cookie, CookieJar } from 'tough-cookie';
import type { CookieStore } from '../../../http/cookies/cookie-store.ts';
import { hidesDotSegment } from '../../../http/path-readings.ts';
import { fieldText } from '../../../http/response-headers.ts';
import { isAccessCookie } from '../../../secrets/access-cookies.ts';

export interface Jar extends CookieStore {
  /** Everything that is in it. */
  all(): Cookie[];
}

const maxCookieLength = 4096;
const maxCookiesOfAnswer = 50;

export function createJar(cookies: readonly Cookie[]): Jar {
  const jar = new CookieJar(undefined, { allowSpecialUseDomain: true });
  for (const cookie of cookies) jar.store.putCookie(cookie, () => {});
  const cookiesFor = (url: URL) =>
    jar.getCookiesSync(url.href).filter(({ path }) => path === '/' || !hidesDotSegment(url));
  return {
    attach(url, headers) {
      const kept = cookiesFor(url).map((cookie) => cookie.cookieString());
      if (kept.length === 0) return [...headers];
      const own = headers.find(([name]) => name.toLowerCase() === 'cookie');
      const others = headers.filter((field) => field !== own);
      // As curl orders them: what is kept, then what was given by hand.
      return [...others, ['cookie', [...kept, ...(own ? [own[1]] : [])].join('; ')]];
    },
    store(url, headers) {
      for (const field of headers.getSetCookie().slice(0, maxCookiesOfAnswer)) {
        const cookie = field.length <= maxCookieLength ? Cookie.parse(fieldText(field)) : undefined;
        if (!cookie || isAccessCookie(cookie.key)) continue;
        jar.setCookieSync(cookie, url.href, { ignoreError: true });
      }
    },
    state: (url) => jar.getCookieStringSync(url.href),
    all: () => (jar.serializeSync()?.cookies ?? []).flatMap((kept) => Cookie.fromJSON(kept) ?? []),
  };
}
