/**
 * A body from the local client. It is streamed, and up to 1 MiB is kept meanwhile, so that a small body
 * can be sent again after a challenge. A larger one can be sent only once.
 */
import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import { AccessError } from '../errors.ts';
import type { RepeatableBody } from '../http/request-body.ts';
import { createSentChunks, type SentChunks } from './sent-chunks.ts';

export interface RelayedBody extends RepeatableBody {
  /** Whether the body is known to be small enough to be sent again after a challenge. */
  readonly isSmall: boolean;
  /** Call when the body will not be sent again: nothing is kept any more. */
  settle(): void;
  /** Call when nobody wants the rest: it is read and discarded. */
  leave(): void;
}

const keptBytes = 1024 * 1024;

/**
 * `undefined` for a request without a body (RFC 9112 §6.3). `onOpen`: called when the body is first
 * needed.
 */
export function relayedBody(
  request: IncomingMessage,
  { host, onOpen }: { readonly host: string; readonly onOpen: () => void },
): RelayedBody | undefined {
  const { headers } = request;
  const isChunked = headers['transfer-encoding'] !== undefined;
  const bytes = isChunked ? undefined : Number(headers['content-length'] ?? 0);
  if (bytes === 0) return undefined;
  let kept: Buffer[] | undefined = bytes !== undefined && bytes > keptBytes ? undefined : [];
  let size = 0;
  let opened = false;
  let ended = false;
  let left = false;
  let current: Readable | undefined;
  let sent: SentChunks;

  const follow = (): void => {
    request.on('data', (chunk: Buffer) => {
      if (left) return;
      size += chunk.length;
      if (size > keptBytes) kept = undefined;
      // Copied, because a slice would keep the whole larger buffer alive.
      else kept?.push(Buffer.from(chunk));
      if (current?.push(chunk) !== true) request.pause();
      if (current) sent.add(chunk, current.readableLength);
    });
    request.once('end', () => {
      ended = true;
      current?.push(null);
    });
    const broken = (error?: Error): void => {
      if (!ended) current?.destroy(error ?? new Error('the client has left'));
    };
    request.once('error', broken);
    request.once('close', () => broken());
  };

  return {
    isSmall: bytes !== undefined && bytes <= keptBytes,
    ...(bytes === undefined ? {} : { bytes }),
    async open() {
      if (opened && kept === undefined) throw spent(host);
      const stream: Readable = new Readable({
        read: () => void (current === stream && request.resume()),
        destroy(error, callback) {
          if (current === stream) current = undefined;
          if (!left) request.pause();
          callback(error);
        },
      });
      stream.on('error', () => {});
      current = stream;
      sent = createSentChunks();
      for (const chunk of kept ?? []) stream.push(chunk);
      if (ended) stream.push(null);
      if (!opened) {
        opened = true;
        onOpen();
        follow();
      }
      return stream;
    },
    settle() {
      kept = undefined;
    },
    leave() {
      left = true;
      kept = undefined;
      request.resume();
    },
  };
}

function spent(host: string): AccessError {
  return new AccessError(
    'temporarily_unavailable',
    `${host} asked for another credential while a large body was on its way, which cannot be sent twice from here.`,
    [{ do: 'retry' }],
  );
}
