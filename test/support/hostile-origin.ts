/**
 * A server on loopback that writes down all that reaches it and answers whatever a test wants: broken,
 * slow, endless, or not at all. The "evil" second origin of the fault matrix is one of these.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, connect } from 'node:net';

export interface Seen {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  /** Names in lower case; repeated fields joined. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface Reply {
  readonly status?: number;
  /** A list where a field is to be repeated. */
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  readonly body?: string | Uint8Array;
  /** In the place of `body`. */
  readonly json?: unknown;
  /** In the place of `body`: written one by one, so that each is a chunk of its own on the wire. */
  readonly chunks?: readonly (string | Uint8Array)[];
  /** In the place of everything: whatever the test does with the connection. */
  readonly raw?: (response: ServerResponse) => void;
}

export type Answerer = (seen: Seen) => Reply | Promise<Reply>;

export interface HostileOrigin {
  /** `http://localhost:PORT`, without a slash. */
  readonly origin: string;
  readonly port: number;
  readonly seen: Seen[];
  at(path: string): string;
  close(): Promise<void>;
}

export async function startHostileOrigin(
  answer: Answerer = () => ({ body: 'nothing to see\n' }),
): Promise<HostileOrigin> {
  const seen: Seen[] = [];
  const server = createServer({ maxHeaderSize: 1024 * 1024 }, (request, response) => {
    receive(request)
      .then(async (one) => {
        seen.push(one);
        send(response, await answer(one));
      })
      .catch(() => response.destroy());
  });
  const port = await listen(server);
  const origin = `http://localhost:${port}`;
  return {
    origin,
    port,
    seen,
    at: (path) => origin + path,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** Cuts the connection. */
export const reset: Reply = { raw: (response) => response.socket?.resetAndDestroy() };
/** Never answers. */
export const silence: Reply = { raw: () => {} };
/** Bytes of the test's own in the place of an HTTP answer. */
export const bytes = (text: string): Reply => ({
  raw: (response) => void response.socket?.end(text, 'latin1'),
});
export const redirect = (location: string, status = 302): Reply => ({
  status,
  headers: { location },
});

async function receive(request: IncomingMessage): Promise<Seen> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  const url = new URL(request.url ?? '/', 'http://x');
  return {
    method: request.method ?? '',
    path: url.pathname,
    query: url.searchParams,
    headers: Object.fromEntries(
      Object.entries(request.headers).map(([name, value]) => [name, String(value)]),
    ),
    body: Buffer.concat(parts).toString(),
  };
}

function send(response: ServerResponse, reply: Reply): void {
  const { status = 200, headers = {}, json, chunks, raw } = reply;
  if (raw) {
    raw(response);
    return;
  }
  const given = json === undefined ? headers : { 'content-type': 'application/json', ...headers };
  response.writeHead(status, given as Record<string, string>);
  if (chunks) void sendSlowly(response, chunks);
  else response.end(json === undefined ? (reply.body ?? '') : JSON.stringify(json));
}

async function sendSlowly(
  response: ServerResponse,
  chunks: readonly (string | Uint8Array)[],
): Promise<void> {
  for (const chunk of chunks) {
    if (!response.write(chunk)) await new Promise((resolve) => response.once('drain', resolve));
    await new Promise((resolve) => setImmediate(resolve));
  }
  response.end();
}

function listen(server: Server): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    // Both families, so that `localhost` never leads anywhere else.
    server.listen(0, '::', () => resolve((server.address() as AddressInfo).port));
  });
}

/** Says `text` to a port and gives what comes back until it is `whole`, the connection ends or `withinMs` is over. */
export function sayRaw(
  port: number,
  text: string | Uint8Array,
  {
    host = '127.0.0.1',
    whole,
    withinMs = whole ? 10_000 : 2_000,
  }: { host?: string; whole?: RegExp; withinMs?: number } = {},
): Promise<string> {
  return new Promise((resolve) => {
    let heard = '';
    const socket = connect({ port, host }, () => socket.write(text));
    const end = (): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(heard);
    };
    const timer = setTimeout(end, withinMs);
    socket.on('data', (part) => {
      heard += part.toString('latin1');
      if (whole?.test(heard)) end();
    });
    socket.on('error', end);
    socket.on('close', end);
  });
}
