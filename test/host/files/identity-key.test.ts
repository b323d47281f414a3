import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, expect, test } from 'vitest';
import { createIdentityKey } from '../../../src/host/files/identity-key.ts';

const root = mkdtempSync(join(tmpdir(), 'identity-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

let dataDir: string;
let counter = 0;
beforeEach(() => {
  counter += 1;
  dataDir = join(root, String(counter));
});
const make = (): (() => Promise<Uint8Array>) => createIdentityKey({ dataDir, log: () => {} });

test('all that ask at once on a fresh folder get one and the same key', async () => {
  const keys = await Promise.all(Array.from({ length: 12 }, () => make()()));
  expect(new Set(keys.map((key) => Buffer.from(key).toString('hex'))).size).toBe(1);
  expect(keys[0]).toHaveLength(32);
  expect(readdirSync(dataDir)).toEqual(['identity.key']);
  expect(statSync(join(dataDir, 'identity.key')).mode & 0o777).toBe(0o600);
});

test('touches nothing before its first use', () => {
  make();
  expect(existsSync(dataDir)).toBe(false);
});

test.each<[string, (path: string) => void]>([
  ['an empty key', (path) => writeFileSync(path, '')],
  ['zeros, as after a power cut', (path) => writeFileSync(path, Buffer.alloc(32))],
  ['a longer one', (path) => writeFileSync(path, 'x'.repeat(33))],
  [
    'a link to something known',
    (path) => {
      rmSync(path);
      writeFileSync(join(root, 'known'), 'x'.repeat(32));
      symlinkSync(join(root, 'known'), path);
    },
  ],
])('%s is replaced, for all', async (_, plant) => {
  await make()();
  plant(join(dataDir, 'identity.key'));
  const keys = [await make()(), await make()()];
  expect(keys[0]).toHaveLength(32);
  expect(keys[0]).toEqual(keys[1]);
  expect(Buffer.from(keys[0] ?? []).toString()).not.toBe('x'.repeat(32));
  expect(Buffer.from(keys[0] ?? [])).not.toEqual(Buffer.alloc(32));
});

test('a key that others could read is tightened', async () => {
  const key = await make()();
  chmodSync(join(dataDir, 'identity.key'), 0o644);
  expect(await make()()).toEqual(key);
  expect(statSync(join(dataDir, 'identity.key')).mode & 0o777).toBe(0o600);
});

test('without a folder each process has its own', async () => {
  writeFileSync(dataDir, '');
  const [one, two] = [make(), make()];
  expect(await one()).toEqual(await one());
  expect(await one()).not.toEqual(await two());
});
