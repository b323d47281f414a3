/**
 * The SHA-256 of a file that is still being written. A small one is hashed as it goes by; from
 * `threadedFrom` on a thread of its own reads behind the writer, for hashing costs as much time as
 * receiving, and the server has other calls to answer.
 */
import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { Worker } from 'node:worker_threads';

export interface FileHash {
  /** `parts` are in the file, behind what was there. */
  add(parts: readonly Uint8Array[]): void;
  /** Of the whole file, in hexadecimal. Throws when the file cannot be read. */
  digest(): Promise<string>;
  /** Must have ended before the file is closed. */
  close(): Promise<void>;
}

/** A thread takes 30 ms to start and 10 MiB while it runs. */
const threadedFrom = 16 * 1024 * 1024;

/** `handle` must be open for reading too. */
export function createFileHash(handle: FileHandle): FileHash {
  const begun = createHash('sha256');
  let size = 0;
  let behind: ReturnType<typeof startBehind> | undefined;
  return {
    add(parts) {
      for (const part of parts) {
        size += part.length;
        if (!behind) begun.update(part);
      }
      if (size >= threadedFrom) behind ??= startBehind(handle.fd);
      behind?.worker.postMessage(size);
    },
    async digest() {
      if (!behind) return begun.digest('hex');
      behind.worker.postMessage('end');
      return await behind.digest;
    },
    async close() {
      await behind?.worker.terminate();
    },
  };
}

function startBehind(fd: number) {
  const worker = new Worker(`(${readBehind})(require, ${fd})`, {
    eval: true,
    env: {},
    execArgv: [],
    resourceLimits: { maxYoungGenerationSizeMb: 1, maxOldGenerationSizeMb: 16 },
  });
  const digest = new Promise<string>((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
    worker.once('exit', () => reject(new Error('the hashing thread ended early')));
  });
  digest.catch(() => {});
  return { worker, digest };
}

/** Runs in the thread, to which it goes as text: it may name nothing outside itself. */
function readBehind(load: NodeJS.Require, fd: number): void {
  const { createHash } = load('node:crypto') as typeof import('node:crypto');
  const { readSync } = load('node:fs') as typeof import('node:fs');
  const { parentPort } = load('node:worker_threads') as typeof import('node:worker_threads');
  const hash = createHash('sha256');
  const buffer = Buffer.alloc(256 * 1024);
  let at = 0;
  parentPort?.on('message', (told: number | 'end') => {
    if (told === 'end') {
      parentPort.postMessage(hash.digest('hex'));
      return;
    }
    while (at < told) {
      const read = readSync(fd, buffer, 0, Math.min(buffer.length, told - at), at);
      if (read === 0) throw new Error('the file is shorter than what was written');
      hash.update(buffer.subarray(0, read));
      at += read;
    }
  });
}
