import { expect, test } from 'vitest';
import { createClock } from '../../src/host/clock.ts';

const clock = createClock();

test('tells milliseconds since the epoch', () => {
  expect(Math.abs(clock.now() - Date.now())).toBeLessThan(50);
});

test('sleeps as long as told', async () => {
  const from = performance.now();
  await clock.sleep(30);
  expect(performance.now() - from).toBeGreaterThan(28);
  await clock.sleep(-1);
});

test('a sleep ends with the reason of its signal, before or meanwhile', async () => {
  await expect(clock.sleep(60_000, AbortSignal.abort('before'))).rejects.toBe('before');
  const controller = new AbortController();
  setTimeout(() => controller.abort('meanwhile'), 10);
  await expect(clock.sleep(60_000, controller.signal)).rejects.toBe('meanwhile');
});

test('a sleep of months does not end at once', async () => {
  const sleeping = clock.sleep(2 ** 40, AbortSignal.timeout(50));
  await expect(sleeping).rejects.toMatchObject({ name: 'TimeoutError' });
});
