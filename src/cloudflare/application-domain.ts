/**
 * Which part of a URL's origin an application guards, by the domain that it was given: a host and
 * perhaps a path, either with wildcards. Where the domain does not tell, the part is the URL's own path.
 * Always narrowed and never widened, since every application of the origin inside that part would be
 * sent this one's credential.
 */
import { coversUrl } from '../oauth/resource-scope.ts';
import { atPath } from '../secure-url.ts';

export interface ApplicationPart {
  /** An origin and path prefix that covers the URL. */
  readonly resource: string;
  /** What the domain says without its wildcards, at most the origin: no words of whoever chose the URL. */
  readonly landing: URL;
}

/**
 * `undefined` when the domain speaks against the URL and there is nothing narrower than the whole
 * origin, or when the URL's path could be read as another one. `domain` absent: nobody has told it.
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
  // Only an application of the whole host guards its root; of another domain of its, this says nothing.
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

/** A domain names no port, but where the host is on this machine. */
function isOnHost({ host, hostname }: URL, pattern: string): boolean {
  const lower = pattern.toLowerCase();
  return matchesWildcard(host, lower) || matchesWildcard(hostname, lower);
}

/** With one `*` at most, as Access allows between two dots or slashes; one more matches nothing. */
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
