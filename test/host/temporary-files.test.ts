import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createTemporaryFiles } from '../../src/host/temporary-files.ts';

let dataDir: string;
beforeEach(() => {
  dataDir = join(mkdtempSync(join(tmpdir(), 'temporary-')), 'data');
});
afterEach(() => rmSync(dirname(dataDir), { recursive: true, force: true }));

test('a file is this person’s alone, and gone at the end', async () => {
  const files = createTemporaryFiles({ dataDir });
  const path = await files.write('curl.conf', 'secret');
  expect(readFileSync(path, 'utf8')).toBe('secret');
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(statSync(dirname(path)).mode & 0o777).toBe(0o700);
  files.removeAll();
  expect(existsSync(dirname(path))).toBe(false);
});

test('what a killed process has left is removed, a living one’s and a stranger’s folder stay', async () => {
  const { pid: dead } = spawnSync(process.execPath, ['-e', '']);
  const all = join(dataDir, 'temporary');
  const [left, living, odd] = [
    join(all, `${dead}-0123456789abcdef`),
    join(all, `${process.pid}-0123456789abcdef`),
    join(all, 'notes'),
  ];
  for (const folder of [left, living, odd]) {
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'x-curl.conf'), 'secret');
  }
  await createTemporaryFiles({ dataDir }).write('curl.conf', 'secret');
  expect([left, living, odd].map(existsSync)).toEqual([false, true, true]);
});

test('a looser data folder is tightened before anything is written', async () => {
  mkdirSync(dataDir);
  chmodSync(dataDir, 0o777);
  await createTemporaryFiles({ dataDir }).write('curl.conf', 'secret');
  expect(statSync(dataDir).mode & 0o777).toBe(0o700);
});

test('a folder that is a link to elsewhere is refused (contract §5)', async () => {
  const elsewhere = mkdtempSync(join(tmpdir(), 'elsewhere-'));
  mkdirSync(dataDir);
  symlinkSync(elsewhere, join(dataDir, 'temporary'));
  await expect(
    createTemporaryFiles({ dataDir }).write('curl.conf', 'secret'),
  ).rejects.toMatchObject({ code: 'store_unavailable' });
  rmSync(elsewhere, { recursive: true });
});
