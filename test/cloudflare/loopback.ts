/** A small server on a free loopback port that keeps what it was asked, and a client for it. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createDispatcher } from '../../src/http/dispatcher.ts';
import { createProtocolFetch, type ProtocolFetch } from '../../src/http/protocol-fetch.ts';
import { createSend } from '../../src/http/send.ts';

export interface LoopbackServer {
  readonly url: URL;
  readonly requests: IncomingMessage[];
  close(): Promise<void>;
}

export async function listen(
  answer: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<LoopbackServer> {
  const requests: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    requests.push(request);
    answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: new URL(`http://127.0.0.1:${port}`),
    requests,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

export function client(): { fetch: ProtocolFetch; close: () => Promise<void> } {
  const dispatcher = createDispatcher({});
  return { fetch: createProtocolFetch(createSend(dispatcher)), close: () => dispatcher.close() };
}
