/**
 * What a warm call asks of the kernel, as the kernel saw it: strace is between the two. Every file that a
 * call opens is a wait for the thread pool, and a credential read again; every connection is a handshake.
 * And how many promises it makes, as V8 counts them: each is memory, and most a wait of their own.
 */
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type Sandbox, startSandbox } from '../../src/sandbox/sandbox.ts';
import { signInAs } from '../../src/sandbox/team/person.ts';
import {
  builtServer,
  eventually,
  startServer,
  type TestServer,
  temporaryFolder,
} from '../support/mcp-server.ts';

let sandbox: Sandbox;
let server: TestServer;
let place: string;

const counter = new URL('../support/promises-made.cjs', import.meta.url).pathname;

beforeEach(async () => {
  place = await temporaryFolder();
  sandbox = await startSandbox();
});
afterEach(async () => {
  await server.close();
  await sandbox.close();
  await rm(place, { recursive: true, force: true });
});

/** With a session, and after its first page. */
async function startWarm(command: readonly string[]): Promise<void> {
  const environment = { PROMISES_MADE: join(place, 'promises') };
  server = await startServer({ cwd: place, command, environment });
  const fetching = fetches('/echo');
  await signInAs(await eventually(async () => (await server.opened())[0]), sandbox.people[0] ?? '');
  await fetching;
}

async function fetches(path: string, tool = 'access_fetch', input: object = {}): Promise<void> {
  const url = new URL(path, sandbox.applications['managed-oauth'].url).href;
  const { json } = await server.call(tool, { url, ...input });
  expect(json.error).toBeUndefined();
}

/** The system calls while `work` ran, without their thread's number and result. */
async function systemCalls(work: () => Promise<void>): Promise<string[]> {
  const log = () => readFile(join(place, 'calls'), 'utf8');
  const before = (await log()).length;
  await work();
  const lines = (await log()).slice(before).split('\n');
  return lines.flatMap((line) => /^\d+\s+(\w+\(.*)$/.exec(line)?.[1]?.replace(/ = .*$/, '') ?? []);
}

it('opens nothing and connects nowhere for a page, once it is warm', async () => {
  const watched = ['--follow-forks', '--seccomp-bpf', '--trace=open,openat,openat2,creat,connect'];
  const strace = ['strace', ...watched, '--output', join(place, 'calls')];
  await startWarm([...strace, process.execPath, builtServer]);
  // That strace sees what it is to look for: the first page did both.
  const { port } = sandbox.applications['managed-oauth'].url;
  const first = await readFile(join(place, 'calls'), 'utf8');
  expect(first).toMatch(new RegExp(`connect\\(.*htons\\(${port}\\)`));
  expect(first).toMatch(new RegExp(`open\\w*\\(.*${server.dataDir}/`));

  await fetches('/echo');
  const calls = await systemCalls(async () => {
    for (const path of ['/echo', '/echo?a=1', '/status/204']) await fetches(path);
    await fetches('/echo', 'get_token');
  });
  expect(calls).toEqual([]);
  // Nor was it too late to see it: a call that opens a file is told of at once.
  const saving = await systemCalls(() => fetches('/echo', 'access_fetch', { save_to: 'saved' }));
  expect(saving.join('\n')).toMatch(/open\w*\(.*\.partial/);
});

it('makes some fifty promises for a page', async () => {
  await startWarm([process.execPath, '--require', counter, builtServer]);
  const counts = async (): Promise<number[]> => {
    const text = await readFile(join(place, 'promises'), 'utf8').catch(() => '');
    return text.split('\n').slice(0, -1).map(Number);
  };
  const made = async (): Promise<number> => {
    const { length } = await counts();
    process.kill(server.pid, 'SIGUSR2');
    return eventually(async () => (await counts())[length]);
  };
  for (let call = 0; call < 5; call += 1) await fetches('/echo');
  const before = await made();
  for (let call = 0; call < 20; call += 1) await fetches('/echo');
  const each = ((await made()) - before) / 20;
  // Of 92 once; more than these are new waits on the way of each call.
  expect(each).toBeGreaterThan(20);
  expect(each).toBeLessThan(60);
});
