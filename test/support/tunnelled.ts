/**
 * What stands at the other end of `tcp`: a connector as cloudflared has one, which gives each WebSocket a
 * TCP connection of its own. The framing is that of `ws`, which nobody here wrote.
 */
import type { IncomingMessage } from 'node:http';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { WebSocketServer } from 'ws';
import type { Behind } from './guarded-edge.ts';

export interface Connector extends Behind {
  readonly onUpgrade: NonNullable<Behind['onUpgrade']>;
  /** What clients answered pings with. */
  readonly pongs: string[];
  /** The codes that clients closed with. */
  readonly closes: number[];
  /** Of each WebSocket, in order. */
  readonly handshakes: IncomingMessage['headers'][];
}

const mostBuffered = 1024 * 1024;

export function tunnelTo(port: () => number, { pings }: { pings?: string } = {}): Connector {
  const server = new WebSocketServer({ noServer: true, perMessageDeflate: false });
  const pongs: string[] = [];
  const closes: number[] = [];
  const handshakes: IncomingMessage['headers'][] = [];
  return {
    pongs,
    closes,
    handshakes,
    onUpgrade(request, upgraded, head) {
      handshakes.push(request.headers);
      server.handleUpgrade(request, upgraded, head, (webSocket) => {
        const socket = connect({ port: port(), allowHalfOpen: true });
        const settle = () => {
          if (webSocket.bufferedAmount > mostBuffered) setTimeout(settle, 5);
          else socket.resume();
        };
        if (pings !== undefined) webSocket.ping(pings);
        webSocket.on('pong', (data) => pongs.push(data.toString()));
        webSocket.on('message', (data: Buffer) => {
          if (!socket.write(data)) {
            webSocket.pause();
            socket.once('drain', () => webSocket.resume());
          }
        });
        webSocket.on('close', (code) => {
          closes.push(code);
          socket.end();
        });
        webSocket.on('error', () => socket.destroy());
        socket.on('data', (data) => {
          webSocket.send(data, { binary: true });
          if (webSocket.bufferedAmount > mostBuffered) {
            socket.pause();
            settle();
          }
        });
        socket.on('end', () => webSocket.close(1000));
        socket.on('error', () => webSocket.close(1011, 'the service is not there'));
      });
    },
  };
}

export interface TcpService {
  readonly port: number;
  /** The bytes of each connection so far. */
  readonly heard: Buffer[][];
  /** Connections that have said all they had to. */
  ended(): number;
  close(): void;
}

/** `serve`: each connection; by default it gives back what it hears. */
export async function startTcpService(
  serve: (socket: Socket) => void = (socket) => void socket.pipe(socket),
): Promise<TcpService> {
  const heard: Buffer[][] = [];
  const sockets = new Set<Socket>();
  let ended = 0;
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    const parts: Buffer[] = [];
    heard.push(parts);
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('data', (part) => parts.push(part));
    socket.once('end', () => {
      ended += 1;
    });
    serve(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  return {
    port: (server.address() as AddressInfo).port,
    heard,
    ended: () => ended,
    close() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}
