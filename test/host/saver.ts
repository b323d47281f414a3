/**
 * Run by the crash tests: `saver <data folder> <number> <point>` writes `token-<number>` and kills
 * itself at the point; with `forever` for a point it writes higher and higher numbers, and tells each
 * before and after.
 */
import { createClock } from '../../src/host/clock.ts';
import { openRecordStore } from '../../src/host/files/session-files.ts';
import { sampleSession } from './sample-records.ts';

const [dataDir = '', number = '0', point = ''] = process.argv.slice(2);
const key = 'https://app.example.com';
const padding = 20_000;

const store = openRecordStore({
  dataDir,
  log: () => {},
  clock: createClock(),
  checkpoint: (reached) => {
    if (reached === point) process.kill(process.pid, 'SIGKILL');
  },
});
let next = Number(number);
do {
  process.stdout.write(`writing ${next}\n`);
  await store.write('session', key, sampleSession(key, `token-${next}-`, padding));
  process.stdout.write(`written ${next}\n`);
  next += 1;
} while (point === 'forever');
