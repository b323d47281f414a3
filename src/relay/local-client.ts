/**
 * Who may ask a relay. Everything on the machine can connect to a loopback port, and every web page can
 * have the browser do so: a request has to be for this server by name (a name bound to 127.0.0.1 is
 * DNS rebinding) and must not come from a page of another origin.
 */
import type { IncomingHttpHeaders } from 'node:http';

export interface Objection {
  readonly status: number;
  readonly words: string;
}

/** `localhost:8080` and its kin; port 80 may be left out. */
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
  // Private network access asks with a preflight first, whose Origin is the page's: refused like the rest.
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

/** Browsers that send no Sec-Fetch-Site still say here where they come from; npm puts its command there. */
function isOfOtherPage(referer: string, origins: readonly string[]): boolean {
  if (!/^https?:/i.test(referer)) return false;
  return !URL.canParse(referer) || !origins.includes(new URL(referer).origin);
}
