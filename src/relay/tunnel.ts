/**
 * A connection that has switched protocols (RFC 9110 §7.8): bytes pass in both directions until either
 * side closes.
 */
import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Field } from '../http/next-hop.ts';

/** How long one side may go on reading after the other is gone. */
const lastWordsMs = 5_000;

export function tunnel(local: Duplex, remote: Duplex, fields: readonly Field[]): void {
  if (local.destroyed || remote.destroyed) {
    local.destroy();
    remote.destroy();
    return;
  }
  const head = [
    `HTTP/1.1 101 ${STATUS_CODES[101]}`,
    ...fields.map(([name, value]) => `${name}: ${value}`),
  ];
  local.write(`${head.join('\r\n')}\r\n\r\n`, 'latin1');
  join(local, remote);
  join(remote, local);
}

function join(from: Duplex, to: Duplex): void {
  from.pipe(to);
  from.on('error', () => to.destroy());
  from.once('close', () => {
    if (to.destroyed) return;
    if (!to.writableEnded) to.end();
    const timer = setTimeout(() => to.destroy(), lastWordsMs).unref();
    to.once('close', () => clearTimeout(timer));
  });
}
