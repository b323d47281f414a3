/** A port that is free on both addresses that a browser may use for localhost. */
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';

export async function freePort(): Promise<number> {
  for (let attempt = 1; ; attempt += 1) {
    const first = await listen(0, '127.0.0.1');
    const address = first.address();
    const port = typeof address === 'object' && address ? address.port : 0;
    try {
      const second = await listen(port, '::1');
      second.close();
      return port;
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? error.code : undefined;
      if (code !== 'EADDRINUSE') return port; // a machine without IPv6
      if (attempt === 20) throw error;
    } finally {
      first.close();
    }
  }
}

async function listen(port: number, host: string): Promise<Server> {
  const server = createServer();
  server.listen({ port, host, ipv6Only: host === '::1' });
  await once(server, 'listening');
  return server;
}
