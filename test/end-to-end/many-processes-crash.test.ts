/** A refresh that is killed amid its work costs one clean login at most (contract §5). */
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  type Crashes,
  type RefreshPoint,
  refreshPoints,
  startCrashes,
} from '../support/crashing-refresh.ts';

let crashes: Crashes;
beforeAll(async () => {
  crashes = await startCrashes();
});
afterAll(() => crashes.close());

/** The server has rotated, and nobody knows its new tokens: only the person can help. */
const lost: readonly RefreshPoint[] = ['answered', 'start', 'created', 'written', 'synced'];

it.each(refreshPoints)('killed at: %s', async (point) => {
  const { onDisk, statuses, logins, complaints } = await crashes.crash(point);
  expect(onDisk).toBe(point === 'renamed' || point === 'folder_synced' ? 'new' : 'old');
  expect(statuses).toEqual([200, 200, 200]);
  expect(logins).toBe(lost.includes(point) ? 1 : 0);
  expect(complaints).toEqual(lost.includes(point) ? ['refresh_token_reuse'] : []);
});
