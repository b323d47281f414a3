/**
 * A request's body that can be sent more than once: after a challenge, or along a redirect that
 * keeps the method. Where its length is known it goes out with `content-length`, else chunked.
 */
import type { Readable } from 'node:stream';

export interface RepeatableBody {
  /** Length in bytes, for `content-length`; absent where only its end will tell. */
  readonly bytes?: number;
  /** The content, anew for every send. Throws AccessError when it cannot be had (again). */
  open(): Promise<Uint8Array | Readable>;
}

export function bytesBody(content: string | Uint8Array): RepeatableBody {
  const bytes = typeof content === 'string' ? Buffer.from(content) : content;
  return { bytes: bytes.byteLength, open: async () => bytes };
}
