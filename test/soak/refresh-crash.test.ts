/** Many refreshes that are killed amid their work (contract §5). */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Crashes, refreshPoints, startCrashes } from '../support/crashing-refresh.ts';

let crashes: Crashes;
beforeAll(async () => {
  crashes = await startCrashes();
});
afterAll(() => crashes.close());

it('200 refreshes killed at their points leave the old session or the new one, and cost one login at most', async () => {
  for (let round = 0; round < 200; round += 1) {
    const point = refreshPoints[round % refreshPoints.length] ?? 'asked';
    const { onDisk, statuses, logins } = await crashes.crash(point);
    const renamed = point === 'renamed' || point === 'folder_synced';
    expect([round, point, onDisk]).toEqual([round, point, renamed ? 'new' : 'old']);
    expect(statuses).toEqual([200, 200, 200]);
    expect(logins).toBe(renamed || point === 'asked' ? 0 : 1);
  }
});

it('40 refreshes killed at any moment cost one login each at most', async () => {
  for (let round = 0; round < 40; round += 1) {
    const { statuses, logins } = await crashes.crash(Math.random() * 60);
    expect(statuses).toEqual([200, 200, 200]);
    expect(logins).toBeLessThanOrEqual(1);
  }
});
