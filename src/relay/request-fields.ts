/**
 * A request's header fields for the origin: everything that the client sent, except the fields that end
 * here.
 */
import type { IncomingMessage } from 'node:http';
import type { Field } from '../http/next-hop.ts';
import { pairsOf } from '../http/wire.ts';
import { type Addresses, remoteAddress } from './addresses.ts';
import { remoteCookie } from './cookies.ts';
import { hopByHop } from './hop-by-hop.ts';

/** `id`: identifies this relay, to detect requests that loop back to it (RFC 9110 §7.6.3). */
export function requestFields(
  { rawHeaders, httpVersion, headers }: IncomingMessage,
  addresses: Addresses,
  id: string,
): Field[] {
  const given = pairsOf(rawHeaders);
  const ended = hopByHop(given);
  const fields: Field[] = [];
  for (const [name, value] of given) {
    const lower = name.toLowerCase();
    if (ended.has(lower) || isOurs(lower)) continue;
    const passed = passedOn(lower, value, addresses);
    if (passed !== '' || value === '') fields.push([name, passed]);
  }
  // RFC 9110 §10.1.4: the only transfer parameter that a relay can honour, since it passes trailers on.
  if (/\btrailers\b/i.test(String(headers.te ?? ''))) fields.push(['TE', 'trailers']);
  fields.push(['Via', `${httpVersion} ${id}`]);
  return fields;
}

/**
 * Transfer-Encoding ends here, and Node undoes chunks alone: a body in another coding would reach the origin as if it
 * were the content (RFC 9112 §6.1).
 */
export function hasUnknownCoding({ headers }: IncomingMessage): boolean {
  const codings = headers['transfer-encoding'];
  return codings !== undefined && codings.trim().toLowerCase() !== 'chunked';
}

export function hasComeRound({ headers }: IncomingMessage, id: string): boolean {
  return headers.via?.includes(id) ?? false;
}

/**
 * Fields that only Cloudflare, this program or the message framing may set. Many servers pass
 * `cf_access_x` and `cf-access-x` to the application as the same variable (CGI, WSGI).
 */
function isOurs(name: string): boolean {
  const dashed = name.replace(/_/g, '-');
  return (
    dashed.startsWith('cf-') ||
    dashed.startsWith('proxy-') ||
    ['host', 'content-length', 'expect', 'trailer', 'cookie2'].includes(dashed)
  );
}

function passedOn(name: string, value: string, addresses: Addresses): string {
  switch (name) {
    case 'cookie':
      return remoteCookie(value);
    case 'origin':
      return addresses.remote.origin;
    case 'referer':
    case 'destination': // WebDAV's COPY and MOVE (RFC 4918 §10.3)
      return remoteAddress(value, addresses);
    default:
      return value;
  }
}
