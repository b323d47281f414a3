/**
 * Which clients may use a relay. Every program on the machine can connect to a loopback port, and every
 * web page can make the browser do so. So a request must name this server as its host (any other name that
 * resolves to 127.0.0.1 is DNS rebinding) and must not come from a page of another origin.
 */
import type { IncomingMessage } from 'node:http';

export interface Objection {
  readonly status: number;
  readonly words: string;
}

/** The names of a relay at one port. */
export interface OwnNames {
  readonly port: number;
  /** `localhost:8080` and its equivalents; the port may be omitted if it is 80. */
  readonly hosts: readonly string[];
  readonly origins: readonly string[];
}

export function ownNames(port: number): OwnNames {
  const names = ['127.0.0.1', 'localhost', '[::1]'];
  const hosts = [...names.map((name) => `${name}:${port}`), ...(port === 80 ? names : [])];
  return { port, hosts, origins: hosts.map((host) => `http://${host}`) };
}

/** `undefined` for a request that may be passed on. */
export function objectionTo(
  { headers, rawHeaders }: Pick<IncomingMessage, 'headers' | 'rawHeaders'>,
  { hosts, origins: own }: OwnNames,
  remote: URL,
): Objection | undefined {
  // RFC 9112 §3.2. Node gives the first alone.
  if (hostsIn(rawHeaders) > 1)
    return { status: 400, words: 'The request names more than one host.' };
  if (!hosts.includes(headers.host?.toLowerCase() ?? '')) {
    return {
      status: 421,
      words: `This is a relay to ${remote.host} on this machine. Ask it as ${own[0]}.`,
    };
  }
  const { origin, referer } = headers;
  const site = headers['sec-fetch-site'];
  // The preflight of private network access carries the page's Origin and is refused as well.
  const isForeign =
    (origin !== undefined && !own.includes(origin.toLowerCase())) ||
    (site !== undefined && site !== 'same-origin' && site !== 'none') ||
    (referer !== undefined && isOfOtherPage(referer, [...own, remote.origin]));
  if (!isForeign) return undefined;
  return {
    status: 403,
    words: `This relay to ${remote.host} does not answer pages of other origins. Open ${own[0]} itself.`,
  };
}

/** `fields`: names and values in turn. */
function hostsIn(fields: readonly string[]): number {
  let count = 0;
  for (let at = 0; at < fields.length; at += 2) {
    if (fields[at]?.length === 4 && fields[at]?.toLowerCase() === 'host') count += 1;
  }
  return count;
}

/** For browsers that send no Sec-Fetch-Site. Not every Referer is a URL: npm puts its command there. */
function isOfOtherPage(referer: string, origins: readonly string[]): boolean {
  if (!/^https?:/i.test(referer)) return false;
  return !URL.canParse(referer) || !origins.includes(new URL(referer).origin);
}
