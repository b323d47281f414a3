/**
 * Which clients may use a relay. Every program on the machine can connect to a loopback port, and every
 * web page can make the browser do so. So a request must name this server as its host (any other name that
 * resolves to 127.0.0.1 is DNS rebinding) and must not come from a page of another origin.
 */
import type { IncomingHttpHeaders } from 'node:http';

export interface Objection {
  readonly status: number;
  readonly words: string;
}

/** `localhost:8080` and its equivalents; the port may be omitted if it is 80. */
export function ownHosts(port: number): readonly string[] {
  const names = ['127.0.0.1', 'localhost', '[::1]'];
  return [...names.map((name) => `${name}:${port}`), ...(port === 80 ? names : [])];
}

/** `undefined` for a request that may be passed on. */
export function objectionTo(
  headers: IncomingHttpHeaders,
  port: number,
  remote: URL,
): Objection | undefined {
  const hosts = ownHosts(port);
  if (!hosts.includes(headers.host?.toLowerCase() ?? '')) {
    return {
      status: 421,
      words: `This is a relay to ${remote.host} on this machine. Ask it as http://${hosts[0]}.`,
    };
  }
  const own = hosts.map((host) => `http://${host}`);
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
    words: `This relay to ${remote.host} does not answer pages of other origins. Open http://${hosts[0]} itself.`,
  };
}

/** For browsers that send no Sec-Fetch-Site. Not every Referer is a URL: npm puts its command there. */
function isOfOtherPage(referer: string, origins: readonly string[]): boolean {
  if (!/^https?:/i.test(referer)) return false;
  return !URL.canParse(referer) || !origins.includes(new URL(referer).origin);
}
