/**
 * Content codings (RFC 9110 §8.4.1): the streams that decode them, and the names of those that can be
 * decoded.
 */
import { Transform, type TransformCallback } from 'node:stream';

/** Node has zstd from 22.15 on, where its types do not know it yet. */
type Zlib = typeof import('node:zlib') & { createZstdDecompress(): Transform };
/** Loaded by the first body that is encoded. */
const zlib = () => process.getBuiltinModule('node:zlib') as Zlib;
const hasZstd = process.versions.zstd !== undefined;

/** For `Accept-Encoding`: exactly what can be decoded, best first. */
export const decodableCodings: readonly string[] = [
  ...(hasZstd ? ['zstd'] : []),
  'br',
  'gzip',
  'deflate',
];

export const acceptEncoding = decodableCodings.join(', ');

/** A stream that decodes `coding`; `undefined` for an unknown one. */
export function decoderFor(coding: string): Transform | undefined {
  const make = makers[coding];
  return make && Object.hasOwn(makers, coding) ? new Decoder(make) : undefined;
}

export function isDecodable(coding: string): boolean {
  return Object.hasOwn(makers, coding);
}

const makers: Readonly<Record<string, (head: Buffer) => Transform>> = {
  gzip: () => zlib().createGunzip(),
  'x-gzip': () => zlib().createGunzip(),
  // "deflate" is the zlib format (RFC 1950), but some servers send raw deflate data (RFC 1951).
  deflate: (head) => (hasZlibHeader(head) ? zlib().createInflate() : zlib().createInflateRaw()),
  br: () => zlib().createBrotliDecompress(),
  ...(hasZstd ? { zstd: () => zlib().createZstdDecompress() } : {}),
};

/** RFC 1950 §2.2: the method is 8, and the first two bytes are a multiple of 31. */
function hasZlibHeader(head: Buffer): boolean {
  return head.length >= 2 && ((head[0] ?? 0) & 0x0f) === 8 && head.readUInt16BE(0) % 31 === 0;
}

/**
 * Creates the actual decoder once the first two bytes are there. They tell the two formats of "deflate"
 * apart, and an empty body (after HEAD, for instance) decodes to nothing in every coding.
 */
class Decoder extends Transform {
  readonly #make: (head: Buffer) => Transform;
  #head: Buffer = Buffer.alloc(0);
  #inner: Transform | undefined;

  constructor(make: (head: Buffer) => Transform) {
    super();
    this.#make = make;
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, callback: TransformCallback): void {
    if (this.#inner) {
      // Called back only when the chunk's output has been consumed, so that a decompression bomb is read
      // no faster than its reader.
      this.#inner.write(chunk, () => callback());
      return;
    }
    this.#head = Buffer.concat([this.#head, chunk]);
    if (this.#head.length < 2) callback();
    else this.#start().write(this.#head, () => callback());
  }

  override _flush(callback: TransformCallback): void {
    if (!this.#inner && this.#head.length === 0) {
      callback();
      return;
    }
    const inner = this.#inner ?? this.#start();
    if (inner.readableEnded) callback();
    else inner.once('end', () => callback());
    inner.end(this.#head.length < 2 ? this.#head : undefined);
  }

  override _read(size: number): void {
    this.#inner?.resume();
    super._read(size);
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#inner?.destroy();
    super._destroy(error, callback);
  }

  #start(): Transform {
    const inner = this.#make(this.#head);
    inner.on('data', (part: Buffer) => {
      if (!this.push(part)) inner.pause();
    });
    inner.on('error', (error) => this.destroy(error));
    this.#inner = inner;
    return inner;
  }
}
