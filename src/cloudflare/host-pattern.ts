/**
 * The hosts that a person allows to receive a service token (`CF_ACCESS_HOSTS`): `app.example.com`,
 * `*.corp.example.com` (one or more labels in place of the star), each with an optional port. Parsed
 * strictly, because whatever matches is sent a secret.
 */
import { isLoopback, isSecure } from '../secure-url.ts';

export interface HostPattern {
  /** As WHATWG URL writes a host: lower case, punycode, no trailing dot. Without the `*.`. */
  readonly hostname: string;
  /** True for `*.`: any host below `hostname`, and not `hostname` itself. */
  readonly wildcard: boolean;
  /**
   * As written. If empty: https's default port, or every port on loopback, where each program has a port
   * of its own.
   */
  readonly port: string;
}

export interface HostPatterns {
  readonly patterns: readonly HostPattern[];
  /** One clause for each refused entry, naming its number, never its value. */
  readonly problems: readonly string[];
}

/** Zones in which anyone can get a name, and that the public suffix list does not contain. */
const sharedZones: readonly string[] = [
  'cloudflareaccess.com',
  'fed.cloudflareaccess.com',
  'cfargotunnel.com',
];

/** Patterns separated by commas or white space. Loads the public suffix list only for a wildcard. */
export async function parseHostPatterns(text: string): Promise<HostPatterns> {
  return readHostPatterns(text.split(/[\s,]+/).filter((entry) => entry !== ''));
}

/** Like `parseHostPatterns`, for entries that are already separate. */
export async function readHostPatterns(entries: readonly string[]): Promise<HostPatterns> {
  const patterns: HostPattern[] = [];
  const problems: string[] = [];
  for (const [index, entry] of entries.entries()) {
    const pattern = await readPattern(entry);
    if (typeof pattern === 'string') problems.push(`host ${index + 1} ${pattern}`);
    else patterns.push(pattern);
  }
  return { patterns, problems };
}

/** Returns the pattern, or what is wrong with it. */
async function readPattern(entry: string): Promise<HostPattern | string> {
  if (entry === '*' || entry === '*.') return 'is a bare *, which would stand for every host';
  if (/[/?#\\]|^[a-z][a-z0-9+.-]*:\/\//i.test(entry))
    return 'is not a host alone: leave out the scheme and the path';
  if (entry.includes('@')) return 'holds an @: leave out the user name';
  const wildcard = entry.startsWith('*.');
  const rest = wildcard ? entry.slice(2) : entry;
  if (rest.includes('*'))
    return 'has a * that is not its first label: only *.example.com is understood';
  // A pattern must not contain anything that the URL parser would silently decode or drop.
  if (/[%"<>^`{|}\p{Cc}\p{Cf}\p{Z}]/u.test(rest) || !URL.canParse(`https://${rest}`))
    return 'is not a valid host';
  const url = new URL(`https://${rest}`);
  const { hostname: parsed } = url;
  const hostname = parsed.replace(/\.$/, '');
  if (!isHostname(hostname)) return 'is not a valid host';
  if (/:\d*$/.test(rest) && !/\]$|:[1-9]\d{0,4}$/.test(rest))
    return 'has a port that is not a number';
  if (isAddress(hostname)) {
    if (wildcard) return 'puts a * before an address';
    if (!rest.startsWith(hostname))
      return 'is an unusual way to write an address: write it in full';
  }
  if (wildcard && (await isShared(hostname))) {
    return 'is a wildcard under a public suffix, where anyone can have a host: name a domain of your own, such as *.corp.example.com';
  }
  // The parser drops :443, which on loopback would then mean every port.
  const port = url.port === '' && isLoopback(url) && rest.endsWith(':443') ? '443' : url.port;
  return { hostname, wildcard, port };
}

function isHostname(hostname: string): boolean {
  if (hostname.startsWith('[')) return true;
  return (
    hostname.length <= 253 &&
    hostname.split('.').every((label) => /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/.test(label))
  );
}

function isAddress(hostname: string): boolean {
  return hostname.startsWith('[') || /^\d+(?:\.\d+){3}$/.test(hostname);
}

async function isShared(base: string): Promise<boolean> {
  if (!base.includes('.') || sharedZones.includes(base)) return true;
  const { isPublicSuffix } = await import('./public-suffix.ts');
  return isPublicSuffix(base);
}

/**
 * Whether `url`'s host is one that `pattern` names: over https (or http on loopback), without userinfo, at
 * the pattern's port. A host with a trailing dot is a different name and never matches.
 */
export function matchesHost(pattern: HostPattern, url: URL): boolean {
  if (!isSecure(url) || url.username || url.password) return false;
  if (!isPortNamed(pattern, url)) return false;
  const { hostname } = url;
  return pattern.wildcard
    ? hostname.endsWith(`.${pattern.hostname}`) && !hostname.startsWith('.')
    : hostname === pattern.hostname;
}

function isPortNamed({ port }: HostPattern, url: URL): boolean {
  if (port === '') return url.port === '' || isLoopback(url);
  return port === (url.port || (url.protocol === 'https:' ? '443' : '80'));
}
