/**
 * An HTTP server on one port of 127.0.0.1 and ::1 that answers GET of `/callback` and of paths added to it
 * (contract §4.6). On a machine without IPv6, 127.0.0.1 is enough. But a port whose ::1 another program
 * holds cannot be used, because browsers would try that first.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { isSystemFailure, systemCode } from '../files/private-folder.ts';

export interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: string;
}

export type OnCallback = (parameters: URLSearchParams, request: IncomingMessage) => Promise<Answer>;
export type OnGet = (request: IncomingMessage) => Promise<Answer>;

export interface LoopbackServer {
  readonly port: number;
  /** Also answers GET of this path, until the returned function is called. */
  answerAt(path: string, onGet: OnGet): () => void;
  /** Accepts no more requests; resolves when the open ones are answered, or after `graceMs`. */
  close(graceMs: number): Promise<void>;
}

const textHeaders = {
  'content-type': 'text/plain; charset=utf-8',
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
};

/** Both, because a browser may use either for `localhost`. */
export const loopbackAddresses: readonly string[] = ['127.0.0.1', '::1'];

/**
 * Binds the port (0: any). Resolves with undefined when another process has it. `addresses`: bound instead
 * of the loopback addresses, for a container whose port is published; the required `Host` stays the same.
 */
export async function bindLoopback(
  port: number,
  onCallback?: OnCallback,
  addresses = loopbackAddresses,
): Promise<LoopbackServer | undefined> {
  const open = new Set<Promise<void>>();
  const paths = new Map<string, OnGet>();
  if (onCallback !== undefined) {
    paths.set('/callback', (request) => {
      const [, query = ''] = splitOnce(request.url ?? '', '?');
      return onCallback(new URLSearchParams(query), request);
    });
  }
  const makeServer = (): Server =>
    createServer(
      {
        // A browser sends the cookies of everything that runs on localhost.
        maxHeaderSize: 64 * 1024,
        headersTimeout: 5_000,
        requestTimeout: 5_000,
        connectionsCheckingInterval: 1_000,
        keepAlive: false,
      },
      (request, response) => {
        const answered = answer(request, response, bound, paths);
        open.add(answered);
        void answered.finally(() => open.delete(answered));
      },
    );
  const servers: Server[] = [];
  let bound = port;
  for (const host of addresses) {
    const server = makeServer();
    server.maxConnections = 64;
    server.maxRequestsPerSocket = 1;
    const failure = await listen(server, bound, host);
    if (failure === undefined) {
      bound = (server.address() as AddressInfo).port;
      servers.push(server);
      continue;
    }
    if (servers.length > 0 && ['EAFNOSUPPORT', 'EADDRNOTAVAIL', 'EINVAL'].includes(failure))
      continue;
    for (const other of servers) closeNow(other);
    return undefined;
  }
  return {
    port: bound,
    answerAt(path, onGet) {
      paths.set(path, onGet);
      return () => paths.delete(path);
    },
    async close(graceMs) {
      for (const server of servers) server.close();
      if (open.size > 0 && graceMs > 0) {
        let timer: NodeJS.Timeout | undefined;
        const grace = new Promise<void>((resolve) => {
          timer = setTimeout(resolve, graceMs);
        });
        await Promise.race([Promise.allSettled([...open]), grace]);
        clearTimeout(timer);
      }
      for (const server of servers) closeNow(server);
    },
  };
}

/** Resolves with the system's error code when it failed. */
function listen(server: Server, port: number, host: string): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    const onError = (error: Error): void => {
      // EACCES: a port below 1024, or one that Windows has set aside.
      if (isSystemFailure(error)) resolve(systemCode(error));
      else reject(error);
    };
    server.once('error', onError);
    server.listen({ port, host, exclusive: true }, () => {
      server.off('error', onError);
      resolve(undefined);
    });
  });
}

function closeNow(server: Server): void {
  server.close();
  server.closeAllConnections();
}

/** Never rejects; resolves when the answer has been sent or the connection is gone. */
async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  port: number,
  paths: ReadonlyMap<string, OnGet>,
): Promise<void> {
  const gone = new Promise<void>((resolve) => response.once('close', resolve));
  const { status, headers, body } = await route(request, port, paths);
  response.writeHead(status, { ...textHeaders, ...headers, connection: 'close' });
  response.end(body);
  await gone;
}

async function route(
  request: IncomingMessage,
  port: number,
  paths: ReadonlyMap<string, OnGet>,
): Promise<Answer> {
  const { method, url = '', headers } = request;
  // With DNS rebinding, the Host is the name that was rebound to loopback.
  const hosts = [`localhost:${port}`, `127.0.0.1:${port}`, `[::1]:${port}`];
  if (!hosts.includes(headers.host?.toLowerCase() ?? '')) {
    return { status: 421, body: 'This address is not served here.\n' };
  }
  const onGet = paths.get(splitOnce(url, '?')[0]);
  if (onGet === undefined) return { status: 404, body: 'There is nothing here.\n' };
  if (method !== 'GET') {
    return { status: 405, headers: { allow: 'GET' }, body: 'Only GET is answered here.\n' };
  }
  return await onGet(request);
}

function splitOnce(text: string, at: string): [string, string?] {
  const index = text.indexOf(at);
  return index < 0 ? [text] : [text.slice(0, index), text.slice(index + 1)];
}
