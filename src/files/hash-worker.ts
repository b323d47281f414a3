/**
 * The program of a thread that hashes a file while it is written: told how far the file has come, it
 * reads on until there; told the end, it answers.
 */
import { createHash } from 'node:crypto';
import { readSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import type { Hashed, Written } from './file-hash.ts';

const { fd }: { fd: number } = workerData;
const hash = createHash('sha256');
const block = Buffer.allocUnsafeSlow(512 * 1024);
let at = 0;

parentPort?.on('message', ({ bytes, isEnd }: Written) => {
  try {
    while (at < bytes) {
      const length = readSync(fd, block, 0, Math.min(block.length, bytes - at), at);
      // Somebody has cut the file short: a hash of what is left would be taken for the whole's.
      if (length === 0) throw Object.assign(new Error('cut short'), { code: 'EIO' });
      hash.update(block.subarray(0, length));
      at += length;
    }
    if (isEnd) answer({ sha256: hash.digest('hex') });
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'EIO';
    answer({ code });
  }
});

function answer(hashed: Hashed): void {
  parentPort?.postMessage(hashed);
  parentPort?.close();
}
