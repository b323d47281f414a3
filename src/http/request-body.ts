/**
 * A request's body that can be sent more than once: again after a challenge, or after a redirect that
 * keeps the method. It is sent with `content-length` if its length is known, else chunked.
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
  /** Length in bytes, for `content-length`; absent if unknown. */
  readonly bytes?: number;
  /** The content, opened anew for every send. Throws AccessError when that fails. */
  open(): Promise<Uint8Array | Readable | LentContent>;
}

export function bytesBody(content: string | Uint8Array): RepeatableBody {
  const bytes = typeof content === 'string' ? Buffer.from(content) : content;
  return { bytes: bytes.byteLength, open: async () => bytes };
}
