/**
 * A small internet: any https host by name, behind a proxy that leads every connection to one TLS
 * server of the test's. What reached it says which host the client believed it was talking to.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createCertificate } from './certificate.ts';
import { type Answerer, type Reached, reply } from './evil-host.ts';

export interface NamedHosts {
  /** For the client's process: the proxy, and the authority to trust. */
  readonly environment: Readonly<Record<string, string>>;
  readonly reached: Reached[];
  /** Changes what every host answers; it looks at `host`. */
  answerWith(answer: Answerer): void;
  /** Hosts to which the proxy gives no tunnel, and hosts behind whose tunnel nothing is said. */
  readonly stalled: { readonly tunnel: Set<string>; readonly tls: Set<string> };
  /** The hosts that are led or kept waiting now. */
  connected(): string[];
  close(): Promise<void>;
}

/** `names`: every host that a test asks, as TLS names it (punycode, no trailing dot). */
export async function startNamedHosts(names: readonly string[]): Promise<NamedHosts> {
  const folder = await mkdtemp(join(tmpdir(), 'named-hosts-'));
  const certificate = createCertificate(names);
  const authority = join(folder, 'authority.pem');
  await writeFile(authority, certificate.cert);
  const reached: Reached[] = [];
  const sockets = new Map<Socket, string>();
  const stalled = { tunnel: new Set<string>(), tls: new Set<string>() };
  let answer: Answerer = () => ({ status: 200, body: 'nothing is asked for' });
  const tls = createTlsServer(certificate, (request, response) => {
    reply(request, response, (asked) => answer(asked), reached);
  });
  const proxy = createServer((_, response) => response.writeHead(405).end());
  proxy.on('connect', ({ url }, socket: Socket) => {
    const host = url?.replace(/:\d+$/, '') ?? '';
    sockets.set(socket, host);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => {});
    socket.on('end', () => socket.end());
    if (stalled.tunnel.has(host)) return void socket.resume();
    socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
    if (!stalled.tls.has(host)) tls.emit('connection', socket);
    else socket.resume();
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  const { port } = proxy.address() as AddressInfo;
  return {
    environment: {
      HTTPS_PROXY: `http://127.0.0.1:${port}`,
      NODE_EXTRA_CA_CERTS: authority,
    },
    reached,
    stalled,
    connected: () => [...sockets.values()],
    answerWith: (next) => {
      answer = next;
    },
    async close() {
      for (const socket of sockets.keys()) socket.destroy();
      await new Promise<void>((resolve) => {
        proxy.close(() => resolve());
        proxy.closeAllConnections();
      });
      await rm(folder, { recursive: true, force: true });
    },
  };
}
