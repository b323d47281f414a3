/** Fields that are for one connection alone and end here (RFC 9110 §7.6.1). */
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

/** Never named by an honest Connection field: a peer could have the others' guards taken away by it. */
const neverConnection: ReadonlySet<string> = new Set([
  'authorization',
  'cache-control',
  'content-length',
  'content-type',
  'cookie',
  'host',
  'set-cookie',
]);

/** The names, in lower case, of what does not go on with `fields`. */
export function hopByHop(fields: readonly Field[]): ReadonlySet<string> {
  const named = fields
    .filter(([name]) => name.toLowerCase() === 'connection')
    .flatMap(([, value]) => value.split(','))
    .map((option) => option.trim().toLowerCase())
    .filter((option) => option !== '' && !neverConnection.has(option));
  return named.length === 0 ? always : new Set([...always, ...named]);
}
