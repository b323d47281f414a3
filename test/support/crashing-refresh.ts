/** A refresh that is killed, and what the next process makes of it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { createClock } from '../../src/host/clock.ts';
import { openRecordStore } from '../../src/host/files/session-files.ts';
import type { WritePoint } from '../../src/host/files/write-private-file.ts';
import { type Sandbox, startSandbox } from '../../src/sandbox/sandbox.ts';
import { temporaryFolder } from './mcp-server.ts';
import { openSessionRoom } from './session-room.ts';

export type RefreshPoint = WritePoint | 'asked' | 'answered';

/** In their order. From `answered` until `renamed`, the server's new tokens are known to nobody. */
export const refreshPoints: readonly RefreshPoint[] = [
  'asked',
  'answered',
  'start',
  'created',
  'written',
  'synced',
  'renamed',
  'folder_synced',
];

export interface Crashes {
  /** Kills a refresh at `point`, or after so many milliseconds. */
  crash(at: RefreshPoint | number): Promise<Aftermath>;
  close(): Promise<void>;
}

export interface Aftermath {
  /** What was on disk before the next process came: the session from before the crash, or a new one. */
  readonly onDisk: 'old' | 'new';
  /** What its fetches gave, one after the other. */
  readonly statuses: readonly number[];
  /** How often the person had to sign in for that. */
  readonly logins: number;
  readonly complaints: readonly string[];
}

export async function startCrashes(): Promise<Crashes> {
  const folder = await temporaryFolder();
  const dataDir = join(folder, 'data');
  await mkdir(dataDir, { mode: 0o700 });
  const [program, sandbox] = await Promise.all([bundleRefresher(folder), startSandbox()]);
  const url = new URL('/echo', sandbox.applications['managed-oauth'].url);
  const person = sandbox.people[0];
  await useSession(dataDir, url, person);

  return {
    async crash(at) {
      const before = await tokenOnDisk(dataDir);
      sandbox.expireAccessTokens();
      sandbox.clearRequests();
      const child = spawn(
        process.execPath,
        [program, dataDir, url.href, typeof at === 'number' ? 'none' : at],
        { stdio: ['ignore', 'pipe', 'inherit'] },
      );
      const [, signal] = await (typeof at === 'number'
        ? killedAfter(child, at)
        : once(child, 'exit'));
      if (typeof at !== 'number' && signal !== 'SIGKILL') {
        throw new Error(`the refresh never came to ${at}`);
      }
      const after = await tokenOnDisk(dataDir);
      const { statuses, logins } = await useSession(dataDir, url, person);
      return {
        onDisk: after === before ? 'old' : 'new',
        statuses,
        logins,
        complaints: notes(sandbox),
      };
    },
    async close() {
      await sandbox.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function notes({ requests }: Sandbox): string[] {
  return requests.flatMap(({ note }) => (note === undefined ? [] : [note]));
}

/** Fetches three times, each time as a new process would. */
async function useSession(
  dataDir: string,
  url: URL,
  person: string | undefined,
): Promise<{ statuses: number[]; logins: number }> {
  const statuses: number[] = [];
  let logins = 0;
  for (let time = 1; time <= 3; time += 1) {
    // Hundreds of crashes stand for as many days: the bound on sign-ins in ten minutes is not for them.
    await openRecordStore({ dataDir, log: () => {}, clock: createClock() }).remove('begun', 'all');
    const room = openSessionRoom({ dataDir, person });
    statuses.push(await room.status(url));
    logins += room.opened.length;
    await room.close();
  }
  return { statuses, logins };
}

/** Throws when the store has anything to complain about, such as half a record. */
async function tokenOnDisk(dataDir: string): Promise<string> {
  const complain = (level: string, message: string): void => {
    if (level !== 'debug') throw new Error(message);
  };
  const store = openRecordStore({ dataDir, log: complain, clock: createClock() });
  const [session, ...more] = await store.list('session');
  if (session === undefined || more.length > 0) throw new Error('there is not one session');
  return session.accessToken;
}

/** The exit's code and signal; the clock starts when the fetch does. */
async function killedAfter(child: ChildProcess, milliseconds: number): Promise<unknown[]> {
  const ended = once(child, 'exit');
  child.stdout?.once('data', () => setTimeout(() => child.kill('SIGKILL'), milliseconds));
  return await ended;
}

async function bundleRefresher(folder: string): Promise<string> {
  const outfile = join(folder, 'refresher.mjs');
  await build({
    entryPoints: [fileURLToPath(new URL('./refresher.ts', import.meta.url))],
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20.18',
    logLevel: 'error',
    // Some libraries in the bundle are CommonJS and call require() for Node's own modules.
    banner: {
      js: "import{createRequire as __createRequire}from'node:module';const require=__createRequire(import.meta.url);",
    },
  });
  return outfile;
}
