/**
 * What each command loads: files, bytes, Node's own modules. Compiling them is most of what a command
 * takes, and times are the bench's (`npm run bench`).
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Sandbox, startSandbox } from '../../src/sandbox/sandbox.ts';
import { createProgram, type Program } from './program.ts';

interface Loaded {
  readonly files: readonly string[];
  readonly bytes: number;
  readonly builtins: readonly string[];
}

const hook = new URL('../support/loaded-modules.cjs', import.meta.url).pathname;
/** What undici, a worker and a started program bring along; TLS has nothing to do on http. */
const slow = ['http2', 'tls', 'worker_threads', 'child_process', 'internal/deps/undici/undici'];
/** What a request is sent with; hashes, and the streams of a terminal. */
const unneededWithoutRequest = ['http', 'net', 'crypto', 'zlib', 'dns', 'stream', 'fs/promises'];

let sandbox: Sandbox;
let program: Program;
let page: string;

beforeAll(async () => {
  sandbox = await startSandbox();
  program = await createProgram();
  page = new URL('/echo', sandbox.applications['managed-oauth'].url).href;
  const login = program.start(['login', page]);
  await program.signIn(sandbox.people[0] ?? '');
  expect((await login.ended).code).toBe(0);
});
afterAll(async () => {
  await program.remove();
  await sandbox.close();
});

async function loadedBy(...args: readonly string[]): Promise<Loaded> {
  const file = join(program.place, 'loaded');
  const environment = { NODE_OPTIONS: `--require ${hook}`, LOADED_MODULES: file };
  const { code, stderr } = await program.run(args, { environment });
  expect(code, stderr).toBe(0);
  return JSON.parse(await readFile(file, 'utf8'));
}

it.each([
  { args: ['--help'], files: 2, kilobytes: 44 },
  { args: ['--version'], files: 3, kilobytes: 106 },
  { args: ['status'], files: 4, kilobytes: 182 },
  { args: ['token'], files: 4, kilobytes: 182 },
  { args: ['fetch'], files: 6, kilobytes: 306 },
])('$args loads $files files of $kilobytes kB at most', async ({ args, files, kilobytes }) => {
  const needsUrl = ['token', 'fetch'].includes(args[0] ?? '');
  const loaded = await loadedBy(...args, ...(needsUrl ? [page] : []));
  expect(loaded.files.length, loaded.files.join(' ')).toBeLessThanOrEqual(files);
  expect(loaded.bytes).toBeLessThanOrEqual(kilobytes * 1000);
  const unneeded =
    args[0] === 'fetch' ? [...slow, 'crypto', 'zlib'] : [...slow, ...unneededWithoutRequest];
  expect(loaded.builtins.filter((name) => unneeded.includes(name))).toEqual([]);
});

it('fetch with a session asks for the page, and for nothing else', async () => {
  sandbox.clearRequests();
  expect((await program.run(['fetch', page])).code).toBe(0);
  expect(sandbox.requests.map(({ what }) => what)).toEqual(['origin']);
});
