/**
 * A host of the test's own on loopback, which answers as it is told and keeps what reached its
 * socket: it copies Access's answers, claims other teams, forges proofs.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Reached {
  /** The Host field: name and port as the client wrote them. */
  readonly host: string;
  readonly method: string;
  /** Path and query. */
  readonly url: string;
  /** Every value of each field, names in lower case. */
  readonly headers: IncomingMessage['headers'];
  /** When the connection of an answer that drips was let go, by `performance.now()`. */
  letGoAt?: number;
}

export interface Reply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  readonly body?: string;
  readonly afterMs?: number;
  /** A byte now and then in the place of the rest, for ever. */
  readonly drips?: 'head' | 'body';
}

export type Answerer = (request: Reached) => Reply;

export interface EvilHost {
  /** `http://localhost:PORT/` */
  readonly url: URL;
  readonly reached: readonly Reached[];
  close(): Promise<void>;
}

export async function startEvilHost(answer: Answerer): Promise<EvilHost> {
  const reached: Reached[] = [];
  const server = createServer((request, response) => {
    reply(request, response, answer, reached);
  });
  await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: new URL(`http://localhost:${port}/`),
    reached,
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

export function reply(
  request: IncomingMessage,
  response: ServerResponse,
  answer: Answerer,
  reached: Reached[],
): void {
  request.resume();
  const record: Reached = {
    host: request.headers.host ?? '',
    method: request.method ?? '',
    url: request.url ?? '',
    headers: request.headers,
  };
  reached.push(record);
  const { status, headers = {}, body = '', afterMs, drips } = answer(record);
  if (drips) {
    drip(response, drips, record);
    return;
  }
  for (const [name, value] of Object.entries(headers)) {
    response.setHeader(name, typeof value === 'string' ? value : [...value]);
  }
  const end = () => {
    response.writeHead(status);
    response.end(request.method === 'HEAD' ? undefined : body);
  };
  if (afterMs === undefined) end();
  else setTimeout(end, afterMs);
}

function drip({ socket }: ServerResponse, part: 'head' | 'body', record: Reached): void {
  const begun = part === 'head' ? 'x-slow: ' : 'content-length: 100000\r\n\r\n';
  socket?.write(`HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n${begun}`);
  const timer = setInterval(() => socket?.write(' '), 500);
  socket?.on('close', () => {
    clearInterval(timer);
    record.letGoAt = performance.now();
  });
}

/** The header fields that hold a credential of ours. */
export function credentialsIn({ headers }: Pick<Reached, 'headers'>): string[] {
  return [
    'authorization',
    'cf-access-client-id',
    'cf-access-client-secret',
    'cf-access-token',
    'cookie',
  ].filter((name) => headers[name] !== undefined);
}
