/**
 * The key under which a session is kept: the origin and path prefix it was obtained for. It is
 * derived from the URL that was asked and metadata of that same origin, never from anything else.
 */
const longestPath = 32;

/** `resource`: an absolute URL without query, such as RFC 9728 metadata's `resource`. */
export function resourceKey(resource: string): string {
  const { origin, pathname } = new URL(resource);
  return origin + (pathname.replace(/\/+$/, '') || '/');
}

/** Every key whose session may be sent to `url`, the longest first; at most 33. */
export function keysCovering(url: URL): string[] {
  const segments = url.pathname.split('/').filter((segment) => segment !== '');
  const keys: string[] = [];
  for (let count = Math.min(segments.length, longestPath); count > 0; count -= 1) {
    keys.push(`${url.origin}/${segments.slice(0, count).join('/')}`);
  }
  return [...keys, `${url.origin}/`];
}
