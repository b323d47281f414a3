/**
 * The request target (RFC 9112 §3.2): passed on byte for byte, and parsed once to find out which
 * resource's credential it needs. A path that servers could interpret differently is covered by no
 * resource with a path.
 */
import { isAccessPage } from '../cloudflare/access-pages.ts';
import type { Objection, OwnNames } from './local-client.ts';

export interface Target {
  /** In origin form, verbatim. */
  readonly target: string;
  /** The URL at the origin. */
  readonly url: URL;
}

export function readTarget(text: string, own: OwnNames, remote: URL): Target | Objection {
  const target = originForm(text, own);
  if (target === undefined) {
    return {
      status: 421,
      words: `This is a relay to ${remote.host}, not a proxy for other addresses: use ${own.origins[0]} instead of ${remote.origin}.`,
    };
  }
  const [path = ''] = target.split('?');
  if (!target.startsWith('/') || path.includes('\\') || target.includes('#')) {
    return { status: 400, words: 'The request target is not the path of a URL (RFC 9112 §3.2.1).' };
  }
  const url = new URL(remote.origin + hideDots(path) + target.slice(path.length));
  if (isAccessPage(path)) {
    return {
      status: 403,
      words: `Pages of Cloudflare Access itself (/cdn-cgi/access/) are not relayed: they hand out or end credentials. Open ${remote.origin} in a browser, or use the commands login, status and logout.`,
    };
  }
  return { target, url };
}

/**
 * The target in origin form; also from the absolute form, which servers must accept (§3.2.2), if it names
 * this server.
 */
function originForm(text: string, { hosts }: OwnNames): string | undefined {
  if (text.startsWith('/')) return text;
  const absolute = /^http:\/\/([^/?]*)(.*)$/is.exec(text);
  if (absolute === null) return text === '*' ? text : undefined;
  const [, host = '', rest = ''] = absolute;
  if (!hosts.includes(host.toLowerCase())) return undefined;
  return rest.startsWith('/') ? rest : `/${rest}`;
}

/**
 * A plain `..` is passed on as it is, and the origin may resolve it or not. For choosing the credential it
 * is therefore rewritten as a hidden one, which no resource with a path covers.
 */
function hideDots(path: string): string {
  if (!/\.\.|%2e/i.test(path)) return path;
  return path
    .split('/')
    .map((segment) => (/^(?:\.|%2e){2}$/i.test(segment) ? '%252e%252e' : segment))
    .join('/');
}
