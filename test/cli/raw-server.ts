/** Answers as bytes on a socket, for what no HTTP server of Node's would send. */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { gzipSync } from 'node:zlib';

export interface RawServer {
  readonly url: (path: string) => string;
  close(): void;
}

const zipped = gzipSync('a compressed page\n'.repeat(100));

const answers: Readonly<Record<string, (socket: Socket) => void>> = {
  '/gzip': (socket) => {
    socket.end(
      Buffer.concat([
        Buffer.from(
          `HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: ${zipped.length}\r\n\r\n`,
        ),
        zipped,
      ]),
    );
  },
  '/short': (socket) => void socket.end('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nonly this'),
  '/switched': (socket) =>
    void socket.end(
      'HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n',
    ),
  '/proto': (socket) =>
    void socket.end(
      'HTTP/1.1 200 OK\r\n__proto__: x\r\n__proto__: y\r\ncontent-length: 2\r\n\r\nok',
    ),
  '/created': (socket) =>
    void socket.end('HTTP/1.1 201 Created\r\nlocation: /new\r\ncontent-length: 0\r\n\r\n'),
  '/empty': (socket) => void socket.end(),
  '/chunks': (socket) =>
    void socket.end(
      'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n',
    ),
  '/page': (socket) => {
    const body = `<title>Page</title>${'<p>Some <b>words</b>.'.repeat(4000)}<div hidden>x</div>`;
    const length = `content-length: ${body.length}`;
    socket.end(`HTTP/1.1 200 OK\r\ncontent-type: text/html\r\n${length}\r\n\r\n${body}`);
  },
  '/broken-gzip': (socket) =>
    void socket.end(
      'HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 9\r\n\r\nnot gzip!',
    ),
};

export async function startRawServer(): Promise<RawServer> {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', (head) => {
      const path = /^\S+ (\S+)/.exec(head.toString('latin1'))?.[1] ?? '';
      // Whoever speaks TLS here gets plain text.
      const answer = answers[path] ?? (() => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
      answer(socket);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return { url: (path) => `http://127.0.0.1:${port}${path}`, close: () => server.close() };
}
