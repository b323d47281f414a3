import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { createFileHash } from '../../src/http/file-hash.ts';

const mebibyte = 1024 * 1024;

async function openFile() {
  const folder = mkdtempSync(join(tmpdir(), 'file-hash-'));
  const handle = await open(join(folder, 'file'), 'wx+');
  const hash = createFileHash(handle);
  onTestFinished(async () => {
    await hash.close();
    await handle.close();
    rmSync(folder, { recursive: true });
  });
  return { handle, hash };
}

/** Different everywhere, so that a part that is left out or taken twice shows. */
function content(size: number): Buffer {
  const bytes = Buffer.alloc(size);
  for (let at = 0; at + 4 <= size; at += 4)
    bytes.writeUInt32LE(Math.imul(at, 2_654_435_761) >>> 0, at);
  return bytes;
}

it.each([0, 1, mebibyte, 16 * mebibyte - 1, 16 * mebibyte, 16 * mebibyte + 1, 40 * mebibyte + 3])(
  'is the file’s SHA-256 for %i bytes, whatever their parts',
  async (size) => {
    const { handle, hash } = await openFile();
    const bytes = content(size);
    for (let at = 0; at < size; at += 3_000_001) {
      const part = bytes.subarray(at, at + 3_000_001);
      await handle.writev([part.subarray(0, 7), part.subarray(7)]);
      hash.add([part.subarray(0, 7), part.subarray(7)]);
    }
    expect(await hash.digest()).toBe(createHash('sha256').update(bytes).digest('hex'));
  },
);

it('fails when the file has lost what was written', async () => {
  const { handle, hash } = await openFile();
  await handle.truncate(mebibyte);
  hash.add([Buffer.alloc(17 * mebibyte)]);
  await expect(hash.digest()).rejects.toThrow('shorter than what was written');
});

it('ends before its end without a word', async () => {
  const { handle, hash } = await openFile();
  await handle.truncate(200 * mebibyte);
  for (let mebibytes = 0; mebibytes < 200; mebibytes += 1) hash.add([Buffer.alloc(mebibyte)]);
  await hash.close();
  await expect(hash.digest()).rejects.toThrow('ended early');
});
