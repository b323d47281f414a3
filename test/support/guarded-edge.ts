/**
 * Access's edge in front of an origin of the test's own: Managed OAuth, everything streamed, and each
 * request written down as it came. What it lets in goes to the test's handlers, or on to another server.
 */
import {
  createServer,
  request as httpRequest,
  type IncomingMessage,
  type RequestListener,
} from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { pipeline } from 'node:stream';
import {
  challengeOf,
  type HostileApplication,
  metadataPath,
  startHostileApplication,
} from './hostile-application.ts';

export interface EdgeRequest {
  readonly method: string;
  /** The request target as it came. */
  readonly target: string;
  readonly rawHeaders: readonly string[];
  readonly headers: IncomingMessage['headers'];
  readonly admitted: boolean;
}

export interface GuardedEdge {
  readonly origin: string;
  readonly port: number;
  readonly requests: EdgeRequest[];
  /** Everything that was ever issued: tokens and codes. */
  readonly issued: readonly string[];
  readonly authorizationServer: HostileApplication;
  /** Open connections of clients. */
  readonly connections: ReadonlySet<Socket>;
  /** Refuses all access tokens from now on; refresh tokens stay good. */
  expire(): void;
  /** Refuses everything: the person has to sign in again. */
  endGrants(): void;
  close(): Promise<void>;
}

export interface Behind {
  readonly onRequest?: RequestListener;
  readonly onUpgrade?: (request: IncomingMessage, socket: Socket, head: Buffer) => void;
}

/** `publicOrigin`: where clients ask, if something stands in front. */
export async function startGuardedEdge(
  { onRequest, onUpgrade }: Behind,
  { publicOrigin }: { readonly publicOrigin?: string } = {},
): Promise<GuardedEdge> {
  const authorizationServer = await startHostileApplication();
  const requests: EdgeRequest[] = [];
  const connections = new Set<Socket>();
  const refused = new Set<string>();
  const { issued } = authorizationServer;
  const isAdmitted = ({ headers }: IncomingMessage): boolean => {
    const token = /^Bearer (oauth:.*)$/.exec(headers.authorization ?? '')?.[1] ?? '';
    return issued.includes(token) && !refused.has(token);
  };
  const note = (request: IncomingMessage, admitted: boolean): void => {
    const { method = '', url: target = '', rawHeaders, headers } = request;
    requests.push({ method, target, rawHeaders, headers, admitted });
  };
  const server = createServer({ requestTimeout: 0 }, (request, response) => {
    response.on('error', () => {});
    if (request.url?.startsWith(metadataPath)) {
      response.setHeader('content-type', 'application/json');
      response.end(
        JSON.stringify({ resource: origin, authorization_servers: [authorizationServer.origin] }),
      );
      return;
    }
    const admitted = isAdmitted(request);
    note(request, admitted);
    if (!admitted) {
      response.writeHead(401, { 'www-authenticate': challengeOf(origin) });
      response.end();
      request.resume();
      return;
    }
    (onRequest ?? ((_, answer) => answer.end('the page\n')))(request, response);
  });
  server.on('connection', (socket: Socket) => {
    connections.add(socket);
    socket.on('error', () => {});
    socket.once('close', () => connections.delete(socket));
  });
  server.on('upgrade', (request: IncomingMessage, socket: Socket, head: Buffer) => {
    const admitted = isAdmitted(request);
    note(request, admitted);
    if (admitted && onUpgrade) onUpgrade(request, socket, head);
    else {
      socket.end(
        `HTTP/1.1 401 Unauthorized\r\nwww-authenticate: ${challengeOf(origin)}\r\ncontent-length: 0\r\n\r\n`,
      );
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '::', () => resolve()));
  const { port } = server.address() as AddressInfo;
  const origin = publicOrigin ?? `http://localhost:${port}`;
  return {
    origin,
    port,
    requests,
    issued,
    authorizationServer,
    connections,
    expire() {
      for (const token of issued) refused.add(token);
    },
    endGrants() {
      for (const token of issued) refused.add(token);
      authorizationServer.twists.token = (_, honest) => {
        delete authorizationServer.twists.token;
        honest();
        return { status: 400, json: { error: 'invalid_grant' } };
      };
    },
    async close() {
      server.close();
      for (const socket of connections) socket.destroy();
      await authorizationServer.close();
    },
  };
}

/** Handlers that pass everything on to a server on a port of this machine, as the edge does. */
export function passTo(port: number): Behind {
  return {
    onRequest(request, response) {
      const onward = httpRequest(
        { port, method: request.method, path: request.url, headers: request.headers, agent: false },
        (answer) => {
          response.writeHead(answer.statusCode ?? 502, answer.rawHeaders);
          pipeline(answer, response, () => {});
        },
      );
      onward.on('error', () => response.destroy());
      pipeline(request, onward, () => {});
    },
    onUpgrade(request, socket, head) {
      const onward = connect({ port }, () => {
        const lines = [`${request.method} ${request.url} HTTP/1.1`];
        for (let at = 0; at + 1 < request.rawHeaders.length; at += 2) {
          lines.push(`${request.rawHeaders[at]}: ${request.rawHeaders[at + 1]}`);
        }
        onward.write(`${lines.join('\r\n')}\r\n\r\n`);
        onward.write(head);
        socket.pipe(onward).pipe(socket);
      });
      onward.on('error', () => socket.destroy());
      socket.on('error', () => onward.destroy());
    },
  };
}
