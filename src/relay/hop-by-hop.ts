/** Fields for a single connection, which are not passed on (RFC 9110 §7.6.1). */
import type { Field } from '../http/next-hop.ts';

const always: ReadonlySet<string> = new Set([
  'connection',
  'http2-settings',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authentication-info',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'transfer-encoding',
  'upgrade',
]);

/**
 * Not removed even when a Connection field names them: no legitimate one does, and a peer could have
 * fields removed that protect others.
 */
const neverConnection: ReadonlySet<string> = new Set([
  'authorization',
  'cache-control',
  'content-length',
  'content-type',
  'cookie',
  'host',
  'set-cookie',
]);

/** The names, in lower case, of the fields among `fields` that are not passed on. */
export function hopByHop(fields: readonly Field[]): ReadonlySet<string> {
  const named = fields
    .filter(([name]) => name.toLowerCase() === 'connection')
    .flatMap(([, value]) => value.split(','))
    .map((option) => option.trim().toLowerCase())
    .filter((option) => option !== '' && !neverConnection.has(option));
  return named.length === 0 ? always : new Set([...always, ...named]);
}
