/** Cookies as tough-cookie parses and keeps them. Loaded by the first answer that sets one. */
import { Cookie, CookieJar } from 'tough-cookie';

export function newJar(): CookieJar {
  return new CookieJar(undefined, { rejectPublicSuffixes: false });
}

export function parseCookie(field: string): Cookie | undefined {
  return Cookie.parse(field);
}

/** Only for the host of `url`, whatever its Domain; one that may not be set there is ignored. */
export function setCookie(jar: CookieJar, cookie: Cookie, url: URL, most: number): void {
  cookie.domain = null;
  jar.setCookieSync(cookie, url.href, { ignoreError: true });
  makeRoom(jar, most);
}

/** RFC 6265bis §5.7: when there are too many, those created earliest are dropped. */
function makeRoom(jar: CookieJar, most: number): void {
  const cookies = jar.serializeSync()?.cookies ?? [];
  if (cookies.length <= most) return;
  jar.removeAllCookiesSync();
  for (const kept of cookies.slice(-most)) {
    const cookie = Cookie.fromJSON(kept);
    if (cookie?.domain) jar.store.putCookie(cookie, () => {});
  }
}
