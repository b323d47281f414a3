/**
 * The SHA-256 of a large file that is being written, made in a thread from the file itself: hashing takes
 * longer than receiving and writing, and the thread that receives would wait for it.
 */
import type { FileHandle } from 'node:fs/promises';
import { Worker } from 'node:worker_threads';
import { builtProgram } from '../built-program.ts';

/** What the thread is told. */
export interface Written {
  /** That are in the file by now. */
  readonly bytes: number;
  readonly isEnd: boolean;
}

/** What it answers: the hash in hexadecimal, or the system's code of a failure. */
export type Hashed = { readonly sha256: string } | { readonly code: string };

export interface FileHash {
  /** The file has so many bytes by now. */
  reached(bytes: number): void;
  /** It has no more. Throws what a file operation throws. */
  digest(bytes: number): Promise<string>;
  /** Resolves when nothing reads the file any more. */
  stop(): Promise<void>;
}

/** `handle` has to be readable, and open until `stop` has resolved. */
export async function startFileHash(handle: FileHandle): Promise<FileHash> {
  const worker = new Worker(await builtProgram('hash-worker.js'), {
    workerData: { fd: handle.fd },
    env: {},
    resourceLimits: { maxOldGenerationSizeMb: 16, maxYoungGenerationSizeMb: 2 },
  });
  const answered = new Promise<Hashed>((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
    worker.once('exit', (code) => reject(new Error(`The thread ended with ${code}.`)));
  });
  answered.catch(() => {});
  const tell = (written: Written) => worker.postMessage(written);
  return {
    reached: (bytes) => tell({ bytes, isEnd: false }),
    async digest(bytes) {
      tell({ bytes, isEnd: true });
      const hashed = await answered;
      if ('sha256' in hashed) return hashed.sha256;
      throw Object.assign(new Error('the file cannot be read back'), { code: hashed.code });
    },
    stop: async () => void (await worker.terminate()),
  };
}
