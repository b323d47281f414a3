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
  let all: Set<string> | undefined;
  for (const [name, value] of fields) {
    if (name.length !== 10 || name.toLowerCase() !== 'connection') continue;
    for (const option of value.split(',')) {
      const named = option.trim().toLowerCase();
      // Most connections name only what is never passed on.
      if (named === '' || always.has(named) || neverConnection.has(named)) continue;
      all ??= new Set(always);
      all.add(named);
    }
  }
  return all ?? always;
}
