/** Saves that are killed, and what is on disk afterwards. */
import { join } from 'node:path';
import { createClock } from '../../src/host/clock.ts';
import { openRecordStore } from '../../src/host/files/session-files.ts';
import type { WritePoint } from '../../src/host/files/write-private-file.ts';
import { recordingLog } from './log.ts';
import { start } from './processes.ts';

export const writePoints: readonly WritePoint[] = [
  'start',
  'created',
  'written',
  'synced',
  'renamed',
  'folder_synced',
];

/** Kills a save of `token-<number>` at `point`; gives the number that is on disk then. */
export async function killedAt(
  program: string,
  dataDir: string,
  number: number,
  point: WritePoint,
): Promise<number | undefined> {
  const ended = await start(program, dataDir, String(number), point).ended;
  if (ended !== 'SIGKILL') throw new Error(`the save at ${point} ended with ${ended}`);
  return await numberOnDisk(dataDir);
}

/** Kills saves without end after `delayMs`; gives the numbers known written and then on disk. */
export async function killedAfter(
  program: string,
  dataDir: string,
  number: number,
  delayMs: number,
): Promise<{ known: number; found: number | undefined }> {
  const process = start(program, dataDir, String(number), 'forever');
  let known = number - 1;
  let armed = false;
  for (;;) {
    const line = await process.line().catch(() => undefined);
    if (line === undefined) break;
    if (!armed) setTimeout(() => process.child.kill('SIGKILL'), delayMs);
    armed = true;
    const written = /^written (\d+)$/.exec(line)?.[1];
    if (written !== undefined) known = Number(written);
  }
  await process.ended;
  return { known, found: await numberOnDisk(dataDir) };
}

/** Throws when the record is not whole, or the store found something to complain about. */
async function numberOnDisk(dataDir: string): Promise<number | undefined> {
  const { log, entries } = recordingLog();
  const store = openRecordStore({ dataDir, log, clock: createClock() });
  const session = await store.read('session', 'https://app.example.com');
  if (entries.length > 0) throw new Error(`${join(dataDir)}: ${JSON.stringify(entries)}`);
  if (session === undefined) return undefined;
  const [, found, padding] = /^token-(\d+)-(x*)$/.exec(session.accessToken) ?? [];
  if (padding?.length !== 20_000) throw new Error('the record is not whole');
  return Number(found);
}
