/** A body to an open file, as it comes: one batch is written while the next one arrives and is hashed. */
import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { onFile } from './file-failure.ts';

export interface WrittenBody {
  readonly bytes: number;
  /** In hexadecimal. */
  readonly sha256: string;
}

/** Small chunks are written together: one system call each would cost more than the copying. */
const batchBytes = 512 * 1024;
/** So much is made durable while more arrives: the last sync would otherwise wait for all of it. */
const syncEveryBytes = 64 * 1024 ** 2;

/**
 * `handle` stays open, and nothing uses it any more when this is done.
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
  let batch: Uint8Array[] = [];
  let batched = 0;
  let writing: Promise<void> = Promise.resolve();
  let syncing: Promise<void> = Promise.resolve();
  let isSyncing = false;
  let syncedAt = 0;

  const syncMeanwhile = () => {
    if (isSyncing || bytes - syncedAt < syncEveryBytes) return;
    isSyncing = true;
    syncedAt = bytes;
    // Kept as it is when it fails: the kernel tells a failure to write back once, and not the next sync.
    syncing = onFile(() => handle.datasync(), name).then(() => {
      isSyncing = false;
    });
    syncing.catch(() => {});
  };
  const flush = async () => {
    await writing;
    const parts = batch;
    batch = [];
    batched = 0;
    if (parts.length === 0) return;
    writing = onFile(() => writeAll(handle, parts), name);
    writing.catch(() => {});
    syncMeanwhile();
  };
  try {
    for await (const chunk of body) {
      bytes += chunk.length;
      onBytes(bytes);
      hash.update(chunk);
      batch.push(chunk);
      batched += chunk.length;
      if (batched >= batchBytes) await flush();
    }
    await flush();
    await writing;
    await syncing;
    return { bytes, sha256: hash.digest('hex') };
  } finally {
    await Promise.allSettled([writing, syncing]);
  }
}

async function writeAll(handle: FileHandle, parts: Uint8Array[]): Promise<void> {
  const expected = parts.reduce((sum, part) => sum + part.length, 0);
  const { bytesWritten } = await handle.writev(parts);
  if (bytesWritten === expected) return;
  // A short write: a signal, or a disk that is nearly full, which the next write then says.
  const rest = Buffer.concat(parts).subarray(bytesWritten);
  for (let at = 0; at < rest.length; ) at += (await handle.write(rest, at)).bytesWritten;
}
