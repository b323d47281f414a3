/**
 * The pieces of a request's body: what is in memory, and files, which are read as they are sent and once
 * more when the body has to be sent again. However large a file is, little of it is ever in memory.
 */
import { type BigIntStats, constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { buffer } from 'node:stream/consumers';
import { fileChunks } from '../../../files/file-chunks.ts';
import {
  bytesBody,
  type LentContent,
  lendable,
  type RepeatableBody,
} from '../../../http/request-body.ts';
import { CurlFailure } from '../exit-code.ts';

export type Piece = Uint8Array | FilePiece;

export interface FilePiece {
  /** Of the content, as it is sent. */
  readonly bytes: number;
  /** Throws CurlFailure 26 when it cannot be read (again), or is another file by now. */
  open(): Promise<LentContent>;
}

/**
 * `-` is stdin. What is no regular file, such as a pipe, can be read only once and tells no size: it is
 * read now, as curl does. Throws CurlFailure 26.
 */
export async function readPiece(name: string): Promise<Piece> {
  if (name === '-') return inWords(name, () => buffer(process.stdin));
  const { handle, stats: first } = await openFile(name);
  // Read on from where it was opened: a pipe's writer has gone when it is closed.
  if (!first.isFile()) return inWords(name, () => buffer(handle.createReadStream()));
  await handle.close();
  const bytes = Number(first.size);
  return {
    bytes,
    async open() {
      const { handle: again, stats } = await openFile(name);
      if (isSame(stats, first)) return fileChunks(again, bytes);
      await again.close();
      throw new CurlFailure(26, `${JSON.stringify(name)} changed while it was to be sent.`);
    },
  };
}

/** `piece` without the bytes that are listed. A file is read once for its length. */
export async function without(piece: Piece, dropped: readonly number[]): Promise<Piece> {
  if (piece instanceof Uint8Array) return piece.filter((byte) => !dropped.includes(byte));
  const isDropped = new Uint8Array(256);
  for (const byte of dropped) isDropped[byte] = 1;
  let bytes = 0;
  for await (const chunk of await piece.open()) bytes += compact(chunk, isDropped).length;
  return {
    bytes,
    async open() {
      const content = await piece.open();
      return joined([content], (chunk) => compact(chunk, isDropped));
    },
  };
}

/** In place: a chunk that is lent may be written to. */
function compact(chunk: Uint8Array, isDropped: Uint8Array): Uint8Array {
  const { length } = chunk;
  let kept = 0;
  // By hand: an iterator takes six times as long.
  let at = 0;
  while (at < length) {
    const byte = chunk[at] as number;
    at += 1;
    if (isDropped[byte] === 1) continue;
    chunk[kept] = byte;
    kept += 1;
  }
  return chunk.subarray(0, kept);
}

/** For what has to be at hand as a whole. */
export async function wholeOf(pieces: readonly Piece[]): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for (const piece of pieces) {
    if (piece instanceof Uint8Array) chunks.push(piece);
    else for await (const chunk of await piece.open()) chunks.push(new Uint8Array(chunk));
  }
  return Buffer.concat(chunks);
}

export function bodyOf(pieces: readonly Piece[]): RepeatableBody {
  const inMemory = pieces.filter((piece) => piece instanceof Uint8Array);
  if (inMemory.length === pieces.length) return bytesBody(Buffer.concat(inMemory));
  return {
    bytes: pieces.reduce((sum, piece) => sum + lengthOf(piece), 0),
    async open() {
      const opened: (Uint8Array | LentContent)[] = [];
      try {
        // Before anything is sent, so that what is missing is told instead of sent in part.
        for (const piece of pieces) {
          opened.push(piece instanceof Uint8Array ? piece : await piece.open());
        }
      } catch (error) {
        await joined(opened).close();
        throw error;
      }
      return joined(opened);
    },
  };
}

function lengthOf(piece: Piece): number {
  return piece instanceof Uint8Array ? piece.length : piece.bytes;
}

function joined(
  parts: readonly (Uint8Array | LentContent)[],
  change = (chunk: Uint8Array) => chunk,
): LentContent {
  const close = async () => {
    for (const part of parts) if (!(part instanceof Uint8Array)) await part.close();
  };
  return {
    close,
    async *[Symbol.asyncIterator]() {
      try {
        for (const part of parts) {
          if (part instanceof Uint8Array) yield part;
          else for await (const chunk of part) yield lendable(change(chunk));
        }
      } finally {
        await close();
      }
    },
  };
}

async function openFile(name: string): Promise<{ handle: FileHandle; stats: BigIntStats }> {
  return inWords(name, async () => {
    // A folder opens as well, and cannot be read.
    const handle = await open(name, constants.O_RDONLY);
    try {
      const stats = await handle.stat({ bigint: true });
      if (stats.isDirectory()) throw Object.assign(new Error(), { code: 'EISDIR' });
      return { handle, stats };
    } catch (error) {
      await handle.close();
      throw error;
    }
  });
}

function isSame(one: BigIntStats, other: BigIntStats): boolean {
  return (['dev', 'ino', 'size', 'mtimeNs'] as const).every((name) => one[name] === other[name]);
}

async function inWords<T>(name: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? ` (${error.code})` : '';
    throw new CurlFailure(26, `${JSON.stringify(name)} cannot be read${code}.`, { cause: error });
  }
}
