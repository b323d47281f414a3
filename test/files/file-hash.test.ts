/** The hash of a file that is being written: a thread reads what there is so far. */
import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { startFileHash } from '../../src/files/file-hash.ts';
import { temporaryFolder } from './folders.ts';

const block = Buffer.alloc(700_000, 'no two reads end where a write ends. ');

test('follows the file, and answers with the whole', async () => {
  const handle = await open(path.join(temporaryFolder(), 'file'), 'wx+');
  const hash = await startFileHash(handle);
  try {
    for (let blocks = 1; blocks <= 3; blocks += 1) {
      await handle.writev([block]);
      hash.reached(blocks * block.length);
    }
    const expected = createHash('sha256').update(Buffer.concat([block, block, block]));
    expect(await hash.digest(3 * block.length)).toBe(expected.digest('hex'));
  } finally {
    await hash.stop();
    await handle.close();
  }
});

test('fails where the file is shorter than what was written, and where it cannot be read', async () => {
  const file = path.join(temporaryFolder(), 'file');
  for (const [flags, code] of [
    ['wx+', 'EIO'],
    ['w', 'EBADF'],
  ] as const) {
    const handle = await open(file, flags);
    await handle.writev([block]);
    const hash = await startFileHash(handle);
    await expect(hash.digest(block.length + 1)).rejects.toMatchObject({ code });
    await hash.stop();
    await handle.close();
  }
});
