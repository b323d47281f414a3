/**
 * Run by the lock tests, told by lines on stdin, each `<verb> <argument>`:
 * `rounds <n>` holds the lock n times, each time with a witness file that only one can have;
 * `grab` holds it until the process is killed, or until `drop`. Says what it did, line by line.
 */
import { closeSync, openSync, unlinkSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { createClock } from '../../src/host/clock.ts';
import { createLock } from '../../src/host/lock/lock.ts';

const [folder = '', witness = '', leaseMs = '45000'] = process.argv.slice(2);
const clock = createClock();
const lock = createLock({ folder, clock, log: () => {}, leaseMs: Number(leaseMs) });
const say = (line: string): void => void process.stdout.write(`${line}\n`);
let drop = (): void => {};

async function round(): Promise<void> {
  await lock.hold('name', async () => {
    let file: number;
    try {
      file = openSync(witness, 'wx');
    } catch {
      say('TWO HOLDERS');
      return;
    }
    await clock.sleep(Math.random() * 3);
    closeSync(file);
    unlinkSync(witness);
  });
}

say('ready');
for await (const line of createInterface({ input: process.stdin })) {
  const [verb, argument] = line.split(' ');
  if (verb === 'rounds') {
    for (let done = 0; done < Number(argument); done += 1) await round();
    say('done');
  } else if (verb === 'grab') {
    void lock
      .hold('name', async () => {
        say('holding');
        await new Promise<void>((resolve) => {
          drop = resolve;
        });
      })
      .then(() => say('dropped'));
  } else if (verb === 'drop') drop();
  else if (verb === 'exit') {
    lock.releaseAll();
    process.exit(0);
  }
}
