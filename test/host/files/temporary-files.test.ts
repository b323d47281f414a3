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
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { createTemporaryFiles } from '../../../src/host/files/temporary-files.ts';
import { bundleProgram, start } from '../processes.ts';

/** How unshare makes a PID namespace here; `undefined` where it may not. */
const namespaces = [
  ['--pid', '--fork', '--mount-proc'],
  ['--user', '--map-root-user', '--pid', '--fork', '--mount-proc'],
].find((flags) => spawnSync('unshare', [...flags, 'true']).status === 0);

const root = mkdtempSync(join(tmpdir(), 'temporary-writer-'));
let program: string;
beforeAll(async () => {
  program = await bundleProgram('temporary-writer', root);
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

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

/** Has a process of its own write a file and be killed; gives the folder that it has left. */
async function leftByTheKilled(): Promise<string> {
  const writer = start(program, dataDir);
  const path = await writer.line();
  writer.child.kill('SIGKILL');
  expect(await writer.ended).toBe('SIGKILL');
  return dirname(path);
}

test('what a killed process has left is removed, a living one’s and a stranger’s folder stay', async () => {
  const left = await leftByTheKilled();
  expect(existsSync(left)).toBe(true);
  const living = start(program, dataDir);
  const kept = await living.line();
  expect(existsSync(left)).toBe(false);
  const odd = join(dataDir, 'temporary', 'notes');
  mkdirSync(odd);
  await createTemporaryFiles({ dataDir }).write('curl.conf', 'secret');
  expect([kept, odd].map(existsSync)).toEqual([true, true]);
  living.child.stdin?.end();
  expect(await living.ended).toBe(0);
  expect(existsSync(dirname(kept))).toBe(false);
});

test('a folder of another place or boot, or of no known one, is left alone', async () => {
  const left = await leftByTheKilled();
  const name = basename(left);
  const others = [
    name.replace(/^[0-9a-f]{16}/, '0123456789abcdef'),
    name.replace(/^[0-9a-f]{16}-/, ''),
    `999999999-${name.slice(-16)}`,
  ].map((other) => join(dirname(left), other));
  for (const other of others) mkdirSync(other);
  await createTemporaryFiles({ dataDir }).write('curl.conf', 'secret');
  expect(others.map(existsSync)).toEqual([true, true, true]);
  expect(existsSync(left)).toBe(false);
});

test.skipIf(namespaces === undefined)(
  'a living process’s folder stays, although a container that shares the data folder cannot see the process',
  async () => {
    const path = await createTemporaryFiles({ dataDir }).write('curl.conf', 'secret');
    const { status, stdout } = spawnSync(
      'unshare',
      [...(namespaces ?? []), process.execPath, program, dataDir],
      { input: '', encoding: 'utf8' },
    );
    // It has written there, and so it has swept.
    expect(status).toBe(0);
    expect(dirname(dirname(stdout.trim()))).toBe(join(dataDir, 'temporary'));
    expect(readFileSync(path, 'utf8')).toBe('secret');
  },
);

test('the process id of a killed process, used again, does not keep its folder', async () => {
  const left = await leftByTheKilled();
  const { pid } = process;
  const again = join(dirname(left), basename(left).replace(/-\d+-/, `-${pid}-`));
  mkdirSync(again);
  await createTemporaryFiles({ dataDir }).write('curl.conf', 'secret');
  expect(existsSync(again)).toBe(process.platform !== 'linux');
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
