/** A body to an open file, as it comes: one batch is written while the next one arrives, and a thread hashes. */
import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { release } from '../receive-buffers.ts';
import { onFile } from './file-failure.ts';
import { type FileHash, startFileHash } from './file-hash.ts';

export interface WrittenBody {
  readonly bytes: number;
  /** In hexadecimal. */
  readonly sha256: string;
}

/**
 * How much may arrive while a batch is written; it is the next batch. Both together, and what the streams
 * before this one hold, are fewer buffers than are kept (`receive-buffers.ts`), so no new ones are made.
 */
const waitingBytes = 512 * 1024;

/** What is longer is hashed by a thread, from the beginning: starting one takes as long as hashing this. */
const hashedHere = 32 * 1024 ** 2;

/**
 * `handle` can be read too. It stays open, and nothing uses it any more when this is done. The body's memory is used again
 * (`release`): nobody else may keep its chunks.
 * `name` is the file's in messages; `onBytes` hears how many have come, and may throw to end it. Throws
 * `save_refused`, and what `body` throws.
 */
export async function writeBody(
  body: AsyncIterable<Uint8Array>,
  handle: FileHandle,
  { name, onBytes }: { name: string; onBytes: (bytes: number) => void },
): Promise<WrittenBody> {
  const hash = createHash('sha256');
  let bytes = 0;
  let thread: FileHash | undefined;
  let writing: Promise<void> = Promise.resolve();

  const write = async (batch: readonly Uint8Array[]) => {
    for (const chunk of batch) bytes += chunk.length;
    onBytes(bytes);
    const written = onFile(() => writeAll(handle, batch), name);
    written.catch(() => {}); // heard below, after the thread has started
    if (bytes <= hashedHere) for (const chunk of batch) hash.update(chunk);
    else thread ??= await startFileHash(handle);
    await written;
    thread?.reached(bytes);
    for (const chunk of batch) release(chunk);
  };
  const file = new Writable({
    highWaterMark: waitingBytes,
    // Calls back when the previous batch is written, so that more arrives and is hashed while this one is
    // written.
    writev(waiting, done) {
      const before = writing;
      writing = before.then(() => write(waiting.map(({ chunk }) => chunk)));
      writing.catch(() => {});
      before.then(() => done(), done);
    },
    final(done) {
      writing.then(() => done(), done);
    },
  });
  try {
    await pipeline(body, file);
    const digested = thread;
    const sha256 = digested ? await onFile(() => digested.digest(bytes), name) : hash.digest('hex');
    return { bytes, sha256 };
  } finally {
    await Promise.allSettled([writing]);
    await thread?.stop();
  }
}

async function writeAll(handle: FileHandle, batch: readonly Uint8Array[]): Promise<void> {
  const expected = batch.reduce((sum, chunk) => sum + chunk.length, 0);
  const { bytesWritten } = await handle.writev(batch);
  if (bytesWritten === expected) return;
  // A short write: after a signal, or on a disk that is nearly full, which the next write will report.
  const rest = Buffer.concat(batch).subarray(bytesWritten);
  for (let at = 0; at < rest.length; ) at += (await handle.write(rest, at)).bytesWritten;
}
