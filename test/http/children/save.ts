/**
 * Saves the URL in argv to a file in the folder in argv, concealing, and writes what memory did to stdout:
 * its greatest resident size beyond the one at the start, in bytes.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { saveTo } from '../../../src/files/save.ts';
import { decodedBody, readBody } from '../../../src/http/body.ts';
import { createDispatcher } from '../../../src/http/dispatcher.ts';
import { createSend } from '../../../src/http/send.ts';
import { createConcealer } from '../../../src/secrets/concealer.ts';
import { inTime } from '../../support/in-time.ts';

const [, , address = '', warmUp = '', folder = ''] = process.argv;
const dispatcher = createDispatcher({});
const send = createSend(dispatcher);
const concealer = createConcealer(['oauth:a-token-that-is-not-in-the-file']);
async function save(url: URL, name: string) {
  const answer = await send({ method: 'GET', url, signal: inTime(), headers: [] });
  const places = { roots: [folder], offLimits: [] };
  return saveTo(concealer.body(decodedBody(answer)), { path: name, ...places, url });
}
const resident = (field: 'VmRSS' | 'VmHWM') =>
  Number(new RegExp(`${field}:\\s+(\\d+)`).exec(readFileSync('/proc/self/status', 'utf8'))?.[1]) *
  1024;
await save(new URL(warmUp), 'warm-up');
// V8 optimizes undici's parser after some requests, which takes about 30 MiB for a moment, once.
for (let request = 0; request < 300; request += 1) {
  const range = [['range', 'bytes=0-99']] as const;
  await readBody(
    await send({ method: 'GET', url: new URL(warmUp), signal: inTime(), headers: range }),
    {
      maxBytes: 100,
    },
  );
}
await sleep(500);
// 5 sets the peak back to what is in use now (proc_pid_clear_refs(5)).
writeFileSync('/proc/self/clear_refs', '5');
const before = resident('VmRSS');
const started = performance.now();
const { bytes, sha256 } = await save(new URL(address), 'large');
const seconds = (performance.now() - started) / 1000;
process.stdout.write(
  JSON.stringify({
    bytes,
    sha256,
    grown: resident('VmHWM') - before,
    mibPerSecond: bytes / seconds / 1024 ** 2,
  }),
);
await dispatcher.close();
