/** The relay's own HTTP server, on one port of 127.0.0.1 and ::1. */
import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  ServerResponse,
} from 'node:http';
import type { Socket } from 'node:net';
import { bindLoopback, bothLoopback } from './loopback-port.ts';

export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /**
   * The client waits for 100 (Continue) before it sends its body (RFC 9110 §10.1.1); false once it has
   * been sent.
   */
  awaitsContinue?: boolean;
  /** The client's connection, if it requests the WebSocket protocol. */
  readonly webSocket?: Socket;
}

export interface LocalServer {
  readonly port: number;
  /** Ends every connection. */
  close(): void;
}

const options = {
  maxHeaderSize: 64 * 1024,
  // For the head only; a body may take hours.
  headersTimeout: 60_000,
  requestTimeout: 0,
  // Longer than clients keep idle connections: if the server closed first, the client's next request could
  // fail.
  keepAliveTimeout: 120_000,
};
const mostConnections = 1024;
/** Time for a client whose WebSocket was refused to read the answer. */
const lastWordsMs = 2_000;

/**
 * Resolves with the system's error code when the port is not available. `onConnection` is called before
 * the connection's first request.
 */
export async function listenLocally(
  port: number,
  {
    onExchange,
    onConnection,
  }: {
    readonly onExchange: (exchange: Exchange) => void;
    readonly onConnection: (socket: Socket) => void;
  },
): Promise<LocalServer | string> {
  const sockets = new Set<Socket>();
  const bound = await bindLoopback(
    () => {
      const server = createServer({ ...options, ServerResponse: Answer });
      server.maxConnections = mostConnections;
      server.on('connection', (socket: Socket) => {
        if (sockets.has(socket)) return;
        sockets.add(socket);
        socket.once('close', () => sockets.delete(socket));
        onConnection(socket);
      });
      server.on('request', (request, response) => onExchange({ request, response }));
      server.on('checkContinue', ((request, response) => {
        onExchange({ request, response, awaitsContinue: true });
      }) satisfies RequestListener);
      server.on('upgrade', (request: IncomingMessage, socket: Socket, head: Buffer) => {
        // Node hands over the connection at once, also while an earlier answer is on its way there.
        if (Answer.unfinished(socket) > 0) socket.destroy();
        else takeUpgrade(server, request, socket, head, onExchange);
      });
      return server;
    },
    { port, addresses: bothLoopback },
  );
  if (typeof bound === 'string') return bound;
  const { servers } = bound;
  return {
    port: bound.port,
    close() {
      for (const server of servers) server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

/** An answer that is counted until it is whole, also one that Node gives itself. */
class Answer<R extends IncomingMessage = IncomingMessage> extends ServerResponse<R> {
  static readonly #open = new WeakMap<Socket, number>();

  static unfinished(socket: Socket): number {
    return Answer.#open.get(socket) ?? 0;
  }

  /** Node gives more than its types say. */
  constructor(...given: [request: R]) {
    super(...given);
    const { socket } = this.req;
    const count = (more: number) => Answer.#open.set(socket, Answer.unfinished(socket) + more);
    count(1);
    this.once('close', () => count(-1));
  }
}

/**
 * Node hands over every connection whose client offers another protocol. Only WebSocket is relayed. Other
 * offers may be ignored (RFC 9110 §7.8), so the request is parsed again without them.
 */
function takeUpgrade(
  server: Server,
  request: IncomingMessage,
  socket: Socket,
  head: Buffer,
  onExchange: (exchange: Exchange) => void,
): void {
  socket.on('error', () => socket.destroy());
  if (request.method === 'GET' && request.headers.upgrade?.toLowerCase() === 'websocket') {
    if (head.length > 0) socket.unshift(head);
    const response = new ServerResponse(request);
    response.shouldKeepAlive = false;
    response.assignSocket(socket);
    response.once('finish', () => {
      response.detachSocket(socket);
      // The end is noticed only while reading; a client that never ends is cut off.
      socket.resume().end();
      const timer = setTimeout(() => socket.destroy(), lastWordsMs).unref();
      socket.once('close', () => clearTimeout(timer));
    });
    onExchange({ request, response, webSocket: socket });
    return;
  }
  const lines = [`${request.method} ${request.url} HTTP/${request.httpVersion}`];
  for (let at = 0; at + 1 < request.rawHeaders.length; at += 2) {
    const name = request.rawHeaders[at] ?? '';
    // Connection stays: it may name other fields that end here.
    if (name.toLowerCase() === 'upgrade') continue;
    lines.push(`${name}: ${request.rawHeaders[at + 1]}`);
  }
  const plain = Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1');
  socket.removeAllListeners('error');
  socket.unshift(Buffer.concat([plain, head]));
  server.emit('connection', socket);
}
