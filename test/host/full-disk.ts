/** Run by session-files.test.ts on a small file system of its own. */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createClock } from '../../src/host/clock.ts';
import { openRecordStore } from '../../src/host/files/session-files.ts';
import { sampleSession } from './sample-records.ts';

const dataDir = process.argv[2] ?? '';
const key = 'https://app.example.com';
const open = () => openRecordStore({ dataDir, log: () => {}, clock: createClock() });
const say = (text: string): void => {
  process.stdout.write(`${text.replaceAll(dataDir, 'DIR')}\n`);
};
const token = async (store = open()): Promise<string | undefined> =>
  (await store.read('session', key))?.accessToken;

const store = open();
await store.write('session', key, sampleSession(key, 'token-1'));
say(store.memoryOnly() ?? 'first on disk');

const filler = join(dataDir, 'filler');
try {
  writeFileSync(filler, Buffer.alloc(1024 * 1024));
} catch {} // that fills it
await store.write('session', key, sampleSession(key, 'token-2'));
say(`full: ${await token(store)}, ${store.memoryOnly()}`);
say(`on disk: ${await token()}`);

rmSync(filler);
await store.write('session', key, sampleSession(key, 'token-3'));
say(`room again: on disk ${await token()}, ${store.memoryOnly()}`);

const damaged = 'https://damaged.example.com';
await store.write('session', damaged, sampleSession(damaged));
for (const name of readdirSync(join(dataDir, 'sessions'))) {
  const path = join(dataDir, 'sessions', name);
  if (readFileSync(path, 'utf8').includes(damaged)) writeFileSync(path, '{', { mode: 0o644 });
}
execFileSync('mount', ['-o', 'remount,ro', dataDir]);
const late = open();
say(`damaged: ${await late.read('session', damaged)}, of ${(await late.list('session')).length}`);
await late.write('session', key, sampleSession(key, 'token-4'));
say(`read-only: ${await token(late)}, ${late.memoryOnly()}`);
await late.remove('session', key);
say(`leaving: ${await token(late)}`);
