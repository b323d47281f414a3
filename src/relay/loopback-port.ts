/**
 * One port on the loopback addresses: where a stranger holds it on one of 127.0.0.1 and ::1, clients that
 * say `localhost` would go to them, so the port is of no use.
 */
import type { AddressInfo, Server } from 'node:net';

export interface Bound<S> {
  readonly port: number;
  readonly servers: readonly S[];
}

export const bothLoopback: readonly string[] = ['127.0.0.1', '::1'];
const mostAttempts = 20;

/** `create` gives a server that is ready for its first connection. Gives the system's code on failure. */
export async function bindLoopback<S extends Server>(
  create: () => S,
  { port, addresses }: { readonly port: number; readonly addresses: readonly string[] },
): Promise<Bound<S> | string> {
  for (let attempt = 1; ; attempt += 1) {
    const bound = await bindAll(create, port, addresses);
    // Of a port that the system chose for one address, the other may be taken.
    if (bound !== 'EADDRINUSE' || port !== 0 || attempt === mostAttempts) return bound;
  }
}

async function bindAll<S extends Server>(
  create: () => S,
  port: number,
  addresses: readonly string[],
): Promise<Bound<S> | string> {
  const servers: S[] = [];
  let bound = port;
  for (const host of addresses) {
    const server = create();
    const failure = await listen(server, bound, host);
    if (failure === undefined) {
      bound = (server.address() as AddressInfo).port;
      servers.push(server);
      continue;
    }
    // A machine without IPv6.
    const isMissing = ['EAFNOSUPPORT', 'EADDRNOTAVAIL', 'EINVAL'].includes(failure);
    if (host === '::1' && isMissing && servers.length > 0) continue;
    for (const each of servers) each.close();
    return failure;
  }
  return { port: bound, servers };
}

function listen(server: Server, port: number, host: string): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    const onError = (error: NodeJS.ErrnoException): void => {
      if (error.code === undefined) reject(error);
      else resolve(error.code);
    };
    server.once('error', onError);
    server.listen({ port, host, exclusive: true }, () => {
      server.off('error', onError);
      resolve(undefined);
    });
  });
}
