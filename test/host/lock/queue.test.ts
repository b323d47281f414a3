/** Turns within one process: in the order of arrival, one at a time, and never lost. */
import { beforeEach, expect, it } from 'vitest';
import { createQueues, type Queues } from '../../../src/host/lock/queue.ts';
import type { Clock } from '../../../src/session/ports.ts';

/** A clock whose sleepers wake when the test says so. */
function manualClock(): Clock & { wakeAll(): void; sleeping(): number } {
  const sleepers = new Set<() => void>();
  return {
    now: () => 0,
    sleep: (_, signal) =>
      new Promise((resolve, reject) => {
        const onAbort = (): void => {
          sleepers.delete(wake);
          reject(signal?.reason);
        };
        const wake = (): void => {
          sleepers.delete(wake);
          resolve();
        };
        if (signal?.aborted) return reject(signal.reason);
        sleepers.add(wake);
        signal?.addEventListener('abort', onAbort, { once: true });
      }),
    wakeAll: () => {
      for (const wake of [...sleepers]) wake();
    },
    sleeping: () => sleepers.size,
  };
}

let clock: ReturnType<typeof manualClock>;
let queues: Queues;
beforeEach(() => {
  clock = manualClock();
  queues = createQueues(clock);
});

/** Enters as `who`; the outcome is added to `log` when it is known. */
function enter(
  log: string[],
  who: string,
  signal?: AbortSignal,
): Promise<(() => void) | undefined> {
  const turn = queues.enter('name', 1_000, signal);
  turn.then(
    (end) => log.push(end ? who : `${who} in vain`),
    () => log.push(`${who} aborted`),
  );
  return turn;
}

/** Lets everything run that waits for nothing but promises. */
const settle = () => new Promise((resolve) => setImmediate(resolve));

it('gives turns in the order of arrival, one at a time', async () => {
  const log: string[] = [];
  const [first, second, third] = ['a', 'b', 'c'].map((who) => enter(log, who));
  await settle();
  expect(log).toEqual(['a']);
  (await first)?.();
  await settle();
  expect(log).toEqual(['a', 'b']);
  (await second)?.();
  (await third)?.();
  expect(log).toEqual(['a', 'b', 'c']);
});

it('keeps names apart', async () => {
  await queues.enter('one', 1_000);
  expect(await queues.enter('other', 1_000)).toBeTypeOf('function');
});

it('takes no second turn away when one is ended twice', async () => {
  const log: string[] = [];
  const end = await enter(log, 'a');
  void enter(log, 'b');
  void enter(log, 'c');
  end?.();
  end?.();
  await settle();
  expect(log).toEqual(['a', 'b']);
});

it('ends with the caller’s patience, and goes on with the next', async () => {
  const log: string[] = [];
  const end = await enter(log, 'a');
  await Promise.all([enter(log, 'b'), settle().then(() => clock.wakeAll())]);
  expect(log).toEqual(['a', 'b in vain']);
  void enter(log, 'c');
  end?.();
  await settle();
  expect(log).toEqual(['a', 'b in vain', 'c']);
});

it('gives the turn to a caller whose time runs out at the same moment', async () => {
  const log: string[] = [];
  const end = await enter(log, 'a');
  const other = enter(log, 'b');
  clock.wakeAll();
  end?.();
  (await other)?.();
  void enter(log, 'c');
  await settle();
  expect(log).toEqual(['a', 'b', 'c']);
});

it('a caller that is aborted while it waits gets no turn', async () => {
  const log: string[] = [];
  const abort = new AbortController();
  const end = await enter(log, 'a');
  const reason = new Error('enough');
  const second = enter(log, 'b', abort.signal);
  void enter(log, 'c');
  abort.abort(reason);
  await expect(second).rejects.toBe(reason);
  end?.();
  await settle();
  expect(log).toEqual(['a', 'b aborted', 'c']);
});

it.each([0, 1, 2, 3, 4, 5, 6])(
  'no turn is lost when one comes %i microtasks after the abort',
  async (microtasks) => {
    const log: string[] = [];
    const abort = new AbortController();
    const end = await enter(log, 'a');
    enter(log, 'b', abort.signal).then(
      (endOfB) => endOfB?.(),
      () => {},
    );
    void enter(log, 'c');
    abort.abort(new Error('enough'));
    for (let passed = 0; passed < microtasks; passed += 1) await undefined;
    end?.();
    await settle();
    expect(log.at(-1)).toBe('c');
  },
);

it('leaves no timer running', async () => {
  const end = await queues.enter('name', 1_000);
  const second = queues.enter('name', 1_000);
  expect(clock.sleeping()).toBe(1);
  end?.();
  await second;
  expect(clock.sleeping()).toBe(0);
});
