/**
 * Where a credential may be sent: over https, or over http to loopback (contract §4.1); and the only two
 * functions that derive one URL from another. `new URL(path, base)` is not one of them, because it takes a
 * path that begins with `//host`, as a hostile one may, for another host.
 *
 * The URL parser of Node 20 and 22 (ada 2.9) leaves the dot segments of a path in which an earlier segment
 * begins with a dot, as in `/app/.well-known/../admin`: what comes from outside is parsed by `parseUrl`.
 */

const loopbackHost = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/;

/** True for `localhost`, 127.0.0.0/8 and ::1: by name, without asking DNS. */
export function isLoopback(url: URL): boolean {
  return loopbackHost.test(url.hostname);
}

export function isSecure(url: URL): boolean {
  return url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url));
}

/** `text` as an absolute URL of any scheme, its dot segments resolved as in every browser. */
export function parseUrl(text: string): URL | undefined {
  return parsed(text, undefined);
}

function parsed(text: string, base: URL | undefined): URL | undefined {
  try {
    const url = new URL(text, base);
    resolveDotSegments(url);
    return url;
  } catch {
    return undefined;
  }
}

function resolveDotSegments(url: URL): void {
  if (!/\/\.\.?(?:\/|$)/.test(url.pathname)) return;
  // Node's parser overlooks none that is encoded.
  url.pathname = url.pathname.replace(/\/\.\.?(?=\/|$)/g, (dots) => dots.replaceAll('.', '%2e'));
}

/** `text` as an absolute URL that a request may be sent to: secure, and without credentials in it. */
export function parseSecureUrl(text: string): URL | undefined {
  const url = parseUrl(text);
  return url && isSecure(url) && url.username === '' && url.password === '' ? url : undefined;
}

/**
 * `pathname` at `url`'s origin, without query, fragment and userinfo. Whatever it contains stays a path:
 * setting it cannot change the host, which is checked all the same.
 */
export function atPath(url: URL, pathname: string): URL {
  const other = new URL(url);
  other.username = '';
  other.password = '';
  other.search = '';
  other.hash = '';
  other.pathname = pathname;
  resolveDotSegments(other);
  if (other.origin !== url.origin) throw new Error('a path has led to another origin');
  return other;
}

/**
 * Resolves a reference in an answer from `base`: a redirect's Location, or an address on a page (RFC 3986
 * §5). The result may be on any host and of any scheme, so the caller must check it before use.
 */
export function resolveReference(reference: string, base: URL): URL | undefined {
  return parsed(reference, base);
}
