/**
 * The key under which a session is kept: the origin and path prefix it was obtained for. It is derived
 * from the requested URL and metadata of the same origin, never from anything else.
 */
import { coverageOf, deepestResource } from '../oauth/resource-scope.ts';

/** `resource`: an absolute URL without query, such as RFC 9728 metadata's `resource`. */
export function resourceKey(resource: string): string {
  const { origin, pathname } = new URL(resource);
  return origin + (pathname.replace(/(?<!\/)\/+$/, '') || '/');
}

/**
 * The key of the application's JWT that is sent beside an Authorization of the caller's own, where the
 * session of `key` is an OAuth grant. A resource has no fragment (RFC 8707 §2), so it is no other's.
 */
export function besideKey(key: string): string {
  return `${key}#cf-access-token`;
}

/** Every key whose session may be sent to `url`, longest first; at most 33. */
export function keysCovering(url: URL): string[] {
  // Empty segments count: `//admin` is another path than `/admin`.
  const { origin, pathname } = url;
  const segments = pathname.split('/').slice(1, deepestResource + 1);
  const keys: string[] = [];
  for (let count = segments.length; count > 0; count -= 1) {
    // Only the origin's key ends in a slash.
    if (segments[count - 1] === '') continue;
    keys.push(`${origin}/${segments.slice(0, count).join('/')}`);
  }
  return [...keys, `${origin}/`].filter(coverageOf(url));
}
