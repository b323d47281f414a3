import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createClock } from '../../../src/host/clock.ts';
import { createLock, type FileLock, type LockOptions } from '../../../src/host/lock/lock.ts';
import { lockPath, newHolder, removalPath } from '../../../src/host/lock/lock-file.ts';
import { ownIdentity, type ProcessIdentity } from '../../../src/host/lock/process-identity.ts';
import { recordingLog } from '../log.ts';
import { bundleProgram, type Running, start } from '../processes.ts';

const root = mkdtempSync(join(tmpdir(), 'lock-'));
let program: string;
let folder: string;
let counter = 0;
const running: Running[] = [];

beforeAll(async () => {
  program = await bundleProgram('contender', root);
});
afterAll(() => rmSync(root, { recursive: true, force: true }));
beforeEach(() => {
  counter += 1;
  folder = join(root, `locks-${counter}`);
});
afterEach(async () => {
  for (const { child } of running) child.kill('SIGKILL');
  await Promise.all(running.splice(0).map(({ ended }) => ended));
});

const clock = createClock();
const path = (): string => lockPath(folder, 'name');
const witness = (): string => join(root, `witness-${counter}`);

function make(options: Partial<LockOptions> = {}): FileLock {
  return createLock({ folder, clock, log: recordingLog().log, ...options });
}

async function contender(...args: string[]): Promise<Running> {
  const process = start(program, folder, witness(), ...args);
  running.push(process);
  expect(await process.line()).toBe('ready');
  return process;
}

/** A process id that was in use and is not any more. */
async function deadProcess(): Promise<ProcessIdentity> {
  const child = spawn(process.execPath, ['-e', '']);
  await once(child, 'exit');
  return { ...ownIdentity(), pid: child.pid ?? 0, startTime: '1' };
}

function leaveLock(owner: ProcessIdentity): string {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const holder = newHolder(owner);
  writeFileSync(path(), JSON.stringify(holder), { mode: 0o600 });
  return holder.token;
}

/** Milliseconds until the lock is had. */
async function timeToHold(lock = make(), patienceMs = 10_000): Promise<number> {
  const from = performance.now();
  return await lock.hold('name', async () => performance.now() - from, { patienceMs });
}

describe('one at a time', () => {
  test('within a process, in the order of asking', async () => {
    const lock = make();
    const events: string[] = [];
    await Promise.all(
      ['a', 'b', 'c'].map((who) =>
        lock.hold('name', async () => {
          events.push(`${who} in`);
          await clock.sleep(5);
          events.push(`${who} out`);
        }),
      ),
    );
    expect(events).toEqual(['a in', 'a out', 'b in', 'b out', 'c in', 'c out']);
  });

  test('other names do not wait, and no file name reveals them (contract §4.9)', async () => {
    const lock = make();
    await lock.hold('https://app.example.com', async () => {
      await lock.hold('other', async () => {
        expect(readdirSync(folder)).toHaveLength(2);
        expect(readdirSync(folder).join()).not.toMatch(/app/);
      });
    });
    expect(readdirSync(folder)).toEqual([]);
  });

  test('two locks of one process are as two processes', async () => {
    const [one, two] = [make(), make()];
    let holders = 0;
    await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        (index % 2 ? one : two).hold('name', async () => {
          holders += 1;
          expect(holders).toBe(1);
          await clock.sleep(1);
          holders -= 1;
        }),
      ),
    );
  });

  test.each([
    ['', async () => {}],
    [
      ', with the lock of a dead process lying there',
      async () => void leaveLock(await deadProcess()),
    ],
    [
      ', with a takeover that died half-way lying there',
      async () => {
        const token = leaveLock(await deadProcess());
        const right = newHolder(await deadProcess());
        writeFileSync(removalPath(path(), token), JSON.stringify(right));
        const second = newHolder(await deadProcess());
        writeFileSync(removalPath(removalPath(path(), token), right.token), JSON.stringify(second));
      },
    ],
  ])('8 processes, 6 rounds each%s', async (_, prepare) => {
    const processes = await Promise.all(Array.from({ length: 8 }, () => contender()));
    await prepare();
    for (const process of processes) process.say('rounds 6');
    const lines = await Promise.all(processes.map((process) => process.line()));
    expect(lines).toEqual(Array(8).fill('done'));
    expect(readdirSync(folder)).toEqual([]);
  });

  test('the lock is free again after work that failed', async () => {
    const lock = make();
    const failing = lock.hold('name', async () => {
      throw new Error('the work failed');
    });
    await expect(failing).rejects.toThrow('the work failed');
    expect(await timeToHold(lock)).toBeLessThan(1_000);
  });
});

describe('what the dead leave', () => {
  test('a killed holder’s lock is free at once', async () => {
    const holder = await contender();
    holder.say('grab');
    expect(await holder.line()).toBe('holding');
    const waiting = timeToHold();
    holder.child.kill('SIGKILL');
    await waiting;
    expect(await timeToHold()).toBeLessThan(1_000);
  });

  test.runIf(process.platform === 'linux')(
    'a killed holder that nobody has waited for (a zombie) counts as dead',
    async () => {
      // What the shell becomes does not wait for the shell's child, so that it stays in the table.
      const shell = spawn('sh', ['-c', 'sleep 30 & echo $!; exec sleep 30'], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      try {
        const [pid] = await once(shell.stdout, 'data');
        const zombie = Number(String(pid).split('\n')[0]);
        const identity = { ...ownIdentity(), pid: zombie };
        const stat = (): string[] =>
          readFileSync(`/proc/${zombie}/stat`, 'utf8')
            .replace(/^.*\) /, '')
            .split(' ');
        const startTime = stat()[19] ?? '';
        const parentIs = (): string => readFileSync(`/proc/${shell.pid}/comm`, 'utf8').trim();
        while (parentIs() !== 'sleep') await clock.sleep(5);
        process.kill(zombie, 'SIGKILL');
        while (stat()[0] !== 'Z') await clock.sleep(5);
        leaveLock({ ...identity, startTime });
        expect(await timeToHold()).toBeLessThan(1_000);
      } finally {
        shell.kill('SIGKILL');
      }
    },
  );

  test('a process id that was given to another process does not keep the lock', async () => {
    leaveLock({ ...ownIdentity(), startTime: '12345' });
    expect(await timeToHold()).toBeLessThan(1_000);
  });

  test('the lock of a process before the last boot is free at once', async () => {
    leaveLock({ ...ownIdentity(), boot: 'another' });
    expect(await timeToHold()).toBeLessThan(1_000);
  });

  test('what crashes left over is swept away, and nothing that still means something', async () => {
    const owner = await deadProcess();
    const token = leaveLock(owner);
    const inert = newHolder(owner);
    const stranded = removalPath(path(), inert.token);
    writeFileSync(stranded, JSON.stringify(newHolder(owner)));
    const live = removalPath(path(), newHolder(owner).token);
    writeFileSync(live, JSON.stringify(newHolder(ownIdentity())));
    const right = removalPath(path(), token);
    writeFileSync(right, JSON.stringify(newHolder(owner)));
    const temporary = join(folder, 'lock.0123.tmp');
    writeFileSync(temporary, '');
    utimesSync(temporary, 1, 1);
    await make().hold('other', async () => {});
    expect(
      readdirSync(folder)
        .map((name) => join(folder, name))
        .sort(),
    ).toEqual([path(), right, live].sort());
  });

  test('what is no lock is freed within seconds', async () => {
    mkdirSync(folder, { mode: 0o700 });
    const nowhere = join(root, 'nowhere');
    const live = join(root, 'live');
    const content = JSON.stringify(newHolder(ownIdentity()));
    writeFileSync(live, content);
    const plants: Record<string, (path: string) => void> = {
      'an empty file': (path) => writeFileSync(path, ''),
      rubbish: (path) => writeFileSync(path, 'x'.repeat(5_000)),
      'half a lock': (path) => writeFileSync(path, content.slice(0, 40)),
      'a token that is a path': (path) =>
        writeFileSync(path, content.replace(/(?<="token":")\w+/, '/../../x')),
      'a directory': (path) => mkdirSync(path),
      'a directory with something in it': (path) => mkdirSync(join(path, 'x'), { recursive: true }),
      'a dangling link': (path) => symlinkSync(nowhere, path),
      'a link to a live lock': (path) => symlinkSync(live, path),
      'a FIFO': (path) => void execFileSync('mkfifo', [path]),
    };
    const lock = make();
    await Promise.all(
      Object.entries(plants).map(async ([name, plant]) => {
        plant(lockPath(folder, name));
        const from = performance.now();
        const ms = await lock.hold(name, async () => performance.now() - from);
        expect.soft(ms, name).toBeGreaterThan(1_500);
        expect.soft(ms, name).toBeLessThan(6_000);
      }),
    );
    expect(existsSync(nowhere)).toBe(false);
    expect(readFileSync(live, 'utf8')).toBe(content);
  });

  test('what cannot be judged from here (another machine or container) is freed by age', async () => {
    leaveLock({ ...ownIdentity(), place: 'elsewhere' });
    utimesSync(path(), Date.now() / 1000 - 50, Date.now() / 1000 - 50);
    expect(await timeToHold()).toBeLessThan(1_000);
  });

  test('or by being watched for as long, whatever its clock says', async () => {
    leaveLock({ ...ownIdentity(), place: 'elsewhere' });
    // Never 400 ms from our clock's time while it is watched.
    const written = (Date.now() + 300) / 1000;
    utimesSync(path(), written, written);
    const ms = await timeToHold(make({ leaseMs: 400 }));
    expect(ms).toBeGreaterThan(390);
  });

  test('a holder that hangs loses the lock after the lease, and then does not free the next one’s', async () => {
    const holder = await contender();
    holder.say('grab');
    await holder.line();
    const lock = make({ leaseMs: 300 });
    await lock.hold('name', async () => {
      holder.say('drop');
      expect(await holder.line()).toBe('dropped');
      expect(existsSync(path())).toBe(true);
    });
    expect(readdirSync(folder)).toEqual([]);
  });
});

describe('a clock a day off', () => {
  const dayMs = 86_400_000;
  test.each([dayMs, -dayMs])(
    'by %d ms does not take the lock from a live holder',
    async (offset) => {
      const holder = await contender();
      holder.say('grab');
      await holder.line();
      const lock = make({ clock: { ...clock, now: () => clock.now() + offset } });
      await expect(timeToHold(lock, 300)).rejects.toMatchObject({
        code: 'temporarily_unavailable',
      });
    },
  );

  test.each([dayMs, -dayMs])('by %d ms does not keep a dead one’s', async (offset) => {
    leaveLock(await deadProcess());
    const at = (Date.now() + offset) / 1000;
    utimesSync(path(), at, at);
    expect(await timeToHold()).toBeLessThan(1_000);
  });
});

describe('waiting', () => {
  test('ends with the caller’s patience, across processes', async () => {
    const holder = await contender();
    holder.say('grab');
    await holder.line();
    const from = performance.now();
    await expect(timeToHold(make(), 200)).rejects.toMatchObject({
      code: 'temporarily_unavailable',
    });
    expect(performance.now() - from).toBeLessThan(1_000);
    holder.say('drop');
    await holder.line();
    expect(await timeToHold()).toBeLessThan(1_000);
  });

  test('ends with the caller’s patience for itself, and nothing is left behind', async () => {
    const lock = make();
    await lock.hold('name', async () => {
      const again = lock.hold('name', async () => {}, { patienceMs: 50 });
      await expect(again).rejects.toMatchObject({ code: 'temporarily_unavailable' });
    });
    expect(await timeToHold(lock)).toBeLessThan(1_000);
    expect(readdirSync(folder)).toEqual([]);
  });

  test.each([true, false])(
    'ends with the caller’s signal (in one process: %s)',
    async (inProcess) => {
      const lock = make();
      const other = inProcess ? lock : make();
      const controller = new AbortController();
      let worked = false;
      await lock.hold('name', async () => {
        const waiting = other.hold(
          'name',
          async () => {
            worked = true;
          },
          { signal: controller.signal },
        );
        setTimeout(() => controller.abort(new Error('stopped')), 30);
        await expect(waiting).rejects.toThrow('stopped');
      });
      expect(worked).toBe(false);
      expect(await timeToHold(other)).toBeLessThan(1_000);
      await expect(
        other.hold('name', async () => {}, { signal: controller.signal }),
      ).rejects.toThrow('stopped');
    },
  );
});

describe('the end of the process', () => {
  test('gives up what it holds', async () => {
    const holder = await contender();
    holder.say('grab');
    await holder.line();
    expect(readdirSync(folder)).toHaveLength(1);
    holder.say('exit');
    expect(await holder.ended).toBe(0);
    expect(readdirSync(folder)).toEqual([]);
  });
});

describe('without a folder', () => {
  test('the queue within the process serves, with one warning', async () => {
    writeFileSync(folder, '');
    const { log, entries } = recordingLog();
    const lock = make({ log });
    let holders = 0;
    await Promise.all(
      [1, 2, 3].map(() =>
        lock.hold('name', async () => {
          holders += 1;
          expect(holders).toBe(1);
          await clock.sleep(2);
          holders -= 1;
        }),
      ),
    );
    expect(entries.map(({ level }) => level)).toEqual(['warn']);
  });

  test('nothing is touched while sessions live in memory', async () => {
    await timeToHold(make({ memoryOnly: () => 'the reason' }));
    expect(existsSync(folder)).toBe(false);
  });

  test('nothing is touched before the first use', () => {
    make();
    expect(existsSync(folder)).toBe(false);
  });

  test('a folder that is removed while we wait is made again', async () => {
    const lock = make();
    await timeToHold(lock);
    rmSync(folder, { recursive: true });
    await timeToHold(lock);
    chmodSync(folder, 0o755);
    await timeToHold(lock);
  });
});
