/** A port on loopback, each connection to which is carried through Access by a WebSocket of its own. */
import { createServer, type Server, type Socket } from 'node:net';
import { AccessError, isAccessError } from '../errors.ts';
import type { CredentialedSend } from '../relay/credentialed-send.ts';
import { bindLoopback } from '../relay/loopback-port.ts';
import { carry } from './carry.ts';
import { type Dialled, dial } from './dial.ts';

export interface TcpServerOptions extends Dialled {
  /** Loopback addresses. */
  readonly addresses: readonly string[];
  /** 0: any. */
  readonly port: number;
  readonly send: CredentialedSend;
  /** Whose program is at the other end; `other` is refused. */
  readonly ownerOf: (socket: Socket) => Promise<'own' | 'other' | 'unknown'>;
  /** Told of each connection that was not carried to its end. */
  readonly onFailure: (error: unknown) => void;
}

export interface TcpServer {
  readonly port: number;
  /** Ends every connection. */
  close(): void;
}

const mostConnections = 256;
/** For a client to take in what was written to it last. */
const lastWordsMs = 2_000;

/** Gives the system's code where the port cannot be had. */
export async function startTcpServer(options: TcpServerOptions): Promise<TcpServer | string> {
  const { addresses, port, send, url, ownerOf, onFailure } = options;
  /** Ends a connection, of each that is open. */
  const open = new Set<AbortController>();

  const serve = async (socket: Socket): Promise<void> => {
    const ending = new AbortController();
    const left = new AbortController();
    const leave = () => left.abort();
    ending.signal.addEventListener('abort', leave, { once: true });
    open.add(ending);
    socket.once('close', leave).once('end', leave);
    socket.on('error', () => {});
    try {
      if ((await ownerOf(socket)) === 'other') throw ofOtherUser(url);
      const remote = await dial(options, send, left.signal);
      socket.off('end', leave);
      let page: AccessError | undefined;
      const chunks = withoutPages(socket, () => {
        page = ofWebPage(url);
        socket.resetAndDestroy();
      });
      await carry({ chunks, writable: socket }, remote, { url, signal: ending.signal });
      if (page) throw page;
      end(socket);
    } catch (error) {
      // Half of what was to come must not look like all of it.
      socket.resetAndDestroy();
      if (!left.signal.aborted || !isAccessError(error, 'cancelled')) onFailure(error);
    } finally {
      open.delete(ending);
    }
  };

  const bound = await bindLoopback(
    (): Server => {
      // A client that has said its last word may still be waiting for the answer.
      const server = createServer({ allowHalfOpen: true }, (socket) => void serve(socket));
      server.maxConnections = mostConnections;
      return server;
    },
    { port, addresses },
  );
  if (typeof bound === 'string') return bound;
  return {
    port: bound.port,
    close() {
      for (const server of bound.servers) server.close();
      for (const ending of open) ending.abort();
    },
  };
}

/** What browsers begin with, before they have asked whether they may send more. */
const httpRequest = /^(?:GET|HEAD|POST|OPTIONS|PUT|PATCH|DELETE) \//;

/**
 * What a client says, unless that is HTTP: every web page can have the browser send some here, and many
 * services read on behind lines that they do not understand. HTTP has `forward`, which knows pages.
 */
async function* withoutPages(socket: Socket, refuse: () => void): AsyncGenerator<Buffer> {
  let isFirst = true;
  for await (const chunk of socket.iterator({ destroyOnReturn: false })) {
    if (isFirst && httpRequest.test((chunk as Buffer).toString('latin1', 0, 16))) {
      refuse();
      return;
    }
    isFirst = false;
    yield chunk as Buffer;
  }
}

/** Its end is heard only by whoever reads; and a client that never ends is not waited for. */
function end(socket: Socket): void {
  socket.end();
  socket.resume();
  socket.once('finish', () => {
    const timer = setTimeout(() => socket.destroy(), lastWordsMs).unref();
    socket.once('close', () => clearTimeout(timer));
  });
}

function ofWebPage({ host }: URL): AccessError {
  return new AccessError(
    'access_denied',
    `A connection to ${host} began with an HTTP request, which a web page may have had a browser send: it was ended.`,
    [{ do: 'check', whether: `${host} is a web application, which forward is for` }],
  );
}

function ofOtherUser({ host }: URL): AccessError {
  return new AccessError(
    'access_denied',
    `A connection to ${host} was refused: it is another user’s of this machine.`,
    [{ do: 'do_not_retry' }],
  );
}
