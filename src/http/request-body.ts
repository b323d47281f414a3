/**
 * A request's body that can be sent more than once: after a challenge, or along a redirect that
 * keeps the method. Where its length is known it goes out with `content-length`, else chunked.
 */
import { Readable } from 'node:stream';

/**
 * Chunks that are lent: each is the reader's until it asks for the next one. What is shorter than
 * `lentFrom` is the reader's for good, since a socket takes it in without having sent it.
 */
export interface LentContent extends AsyncIterable<Uint8Array> {
  /** Lets go of what it reads from, read or not. Can be called again. */
  close(): Promise<void>;
}

export function isLent(content: unknown): content is LentContent {
  return (
    typeof content === 'object' &&
    content !== null &&
    !(content instanceof Readable) &&
    'close' in content
  );
}

/** More than a socket takes in before it asks to wait (16 KiB, 64 KiB from Node 22 on). */
const lentFrom = 128 * 1024;

/** `chunk`, or a copy of it where a socket would keep it beyond the next one. */
export function lendable(chunk: Uint8Array): Uint8Array {
  return chunk.length < lentFrom ? new Uint8Array(chunk) : chunk;
}

export interface RepeatableBody {
  /** Length in bytes, for `content-length`; absent where only its end will tell. */
  readonly bytes?: number;
  /** The content, anew for every send. Throws AccessError when it cannot be had (again). */
  open(): Promise<Uint8Array | Readable | LentContent>;
}

export function bytesBody(content: string | Uint8Array): RepeatableBody {
  const bytes = typeof content === 'string' ? Buffer.from(content) : content;
  return { bytes: bytes.byteLength, open: async () => bytes };
}
