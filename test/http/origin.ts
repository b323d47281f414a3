/** Real peers on loopback for the tests of this room; all are closed when the test ends. */
import { createServer, type RequestListener, type Server } from 'node:http';
import { type AddressInfo, createServer as createNetServer, type Socket } from 'node:net';
import { Readable } from 'node:stream';
import { Agent } from 'undici';
import { onTestFinished } from 'vitest';
import { createSend, type Incoming, type Send } from '../../src/http/send.ts';

/** An HTTP server of Node's; gives its origin. */
export async function origin(listener: RequestListener): Promise<URL> {
  const server = createServer(listener);
  await listen(server);
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
}

/** A server that says whatever it likes on its sockets; `connection` counts from 1. */
export async function rawOrigin(
  onData: (socket: Socket, data: string, connection: number) => void,
): Promise<URL> {
  let connections = 0;
  const sockets = new Set<Socket>();
  const server = createNetServer((socket) => {
    connections += 1;
    const connection = connections;
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('data', (data) => onData(socket, data.toString('latin1'), connection));
  });
  await listen(server as unknown as Server);
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
}

function listen(server: Server): Promise<void> {
  return new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
}

export function directSend(): Send {
  const agent = new Agent({ maxHeaderSize: 64 * 1024 });
  onTestFinished(() => agent.destroy());
  return createSend(agent);
}

/** An answer without a peer. */
export function answerOf(
  body: string | Buffer | Iterable<Buffer> | AsyncIterable<Buffer>,
  headers: Record<string, string> = {},
): Incoming {
  const chunks = typeof body === 'string' || Buffer.isBuffer(body) ? [Buffer.from(body)] : body;
  return {
    url: new URL('https://app.example.com/x'),
    status: 200,
    headers: new Headers(headers),
    body: Readable.from(chunks, { objectMode: false }),
  };
}
