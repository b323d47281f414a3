/**
 * Which part of a URL's origin an Access application guards, according to its domain: a host and perhaps a
 * path, either with wildcards. If the domain does not tell, the part is the URL's own path. When in doubt
 * the part is narrowed, never widened, because every application of the origin inside it will be sent this
 * one's credential.
 */
import { coversUrl } from '../oauth/resource-scope.ts';
import { atPath } from '../secure-url.ts';

export interface ApplicationPart {
  /** An origin and path prefix that covers the URL. */
  readonly resource: string;
  /**
   * The domain without its wildcards, or the origin. Contains nothing from the URL's path, which an agent
   * may have chosen.
   */
  readonly landing: URL;
}

/**
 * `undefined` when the domain does not match the URL and nothing narrower than the whole origin is left,
 * or when servers could read the URL's path differently. `domain`: absent if unknown.
 */
export function applicationPart(url: URL, domain: string | undefined): ApplicationPart | undefined {
  const slash = domain?.indexOf('/') ?? -1;
  const host = slash === -1 ? domain : domain?.slice(0, slash);
  const pattern = slash === -1 ? [] : segmentsOf(domain?.slice(slash) ?? '');
  if (pattern.at(-1) === '*') pattern.pop();
  const path = url.pathname.split('/').slice(1);
  const isTheirs =
    host !== undefined &&
    isOnHost(url, host) &&
    pattern.every((part, index) => matchesWildcard(path[index], part));
  if (isTheirs) {
    const resource = `${url.origin}/${path.slice(0, pattern.length).join('/')}`;
    const literal = pattern.slice(0, firstWildcard(pattern)).join('/');
    return coversUrl(resource, url) ? { resource, landing: atPath(url, `/${literal}`) } : undefined;
  }
  const landing = atPath(url, '/');
  const own = url.pathname.replace(/(?<!\/)\/+$/, '');
  // A domain without a path covers the root even if its host is another one of the application's. A domain
  // with a path does not.
  if (own === '') return pattern.length === 0 ? { resource: landing.href, landing } : undefined;
  const resource = url.origin + own;
  return coversUrl(resource, url) ? { resource, landing } : undefined;
}

function segmentsOf(path: string): string[] {
  return path
    .replace(/(?<!\/)\/+$/, '')
    .split('/')
    .slice(1);
}

function firstWildcard(pattern: readonly string[]): number {
  const index = pattern.findIndex((part) => part.includes('*'));
  return index === -1 ? pattern.length : index;
}

/** A domain has no port, except on loopback. */
function isOnHost({ host, hostname }: URL, pattern: string): boolean {
  const lower = pattern.toLowerCase();
  return matchesWildcard(host, lower) || matchesWildcard(hostname, lower);
}

/** At most one `*`, as Access allows between two dots or slashes; a pattern with more matches nothing. */
function matchesWildcard(text: string | undefined, pattern: string): boolean {
  if (text === undefined) return false;
  const [before = '', after, ...more] = pattern.split('*');
  if (after === undefined) return text === pattern;
  return (
    more.length === 0 &&
    text.length >= before.length + after.length &&
    text.startsWith(before) &&
    text.endsWith(after)
  );
}
