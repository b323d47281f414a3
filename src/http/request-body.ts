/**
 * A request's body that can be sent more than once: after a challenge, or along a redirect that
 * keeps the method. Its length is known, so it goes out with `content-length`, never chunked.
 */
import type { Readable } from 'node:stream';

export interface RepeatableBody {
  /** Length in bytes, for `content-length`. */
  readonly bytes: number;
  /** The content, anew for every send. Throws AccessError when it is no longer what it was. */
  open(): Promise<Uint8Array | Readable>;
}

export function bytesBody(content: string | Uint8Array): RepeatableBody {
  const bytes = typeof content === 'string' ? Buffer.from(content) : content;
  return { bytes: bytes.byteLength, open: async () => bytes };
}
