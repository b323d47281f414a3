/** Run by session-files.test.ts with few file descriptors: reads with none left, and then again. */
import { closeSync, openSync } from 'node:fs';
import { createClock } from '../../src/host/clock.ts';
import { openRecordStore } from '../../src/host/files/session-files.ts';

const dataDir = process.argv[2] ?? '';
const key = 'https://app.example.com';
const store = openRecordStore({ dataDir, log: () => {}, clock: createClock() });
await store.list('org'); // has the modules and threads that reading needs loaded
const open: number[] = [];
try {
  for (;;) open.push(openSync('/dev/null', 'r'));
} catch {} // none left
let said = await store.read('session', key).then(
  (session) => `read ${session?.accessToken}`,
  (error: { code?: string }) => `${error.code}`,
);
for (const descriptor of open) closeSync(descriptor);
said += `\n${(await store.read('session', key))?.accessToken}`;
process.stdout.write(`${said}\n`);
