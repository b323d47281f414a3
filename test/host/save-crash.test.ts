import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { killedAfter, killedAt, writePoints } from './crashes.ts';
import { bundleProgram } from './processes.ts';

const root = mkdtempSync(join(tmpdir(), 'save-crash-'));
let program: string;
beforeAll(async () => {
  program = await bundleProgram('saver', root);
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

test('a save that is killed at any point leaves the old record or the new one (contract §5)', async () => {
  const dataDir = join(root, 'points');
  let old: number | undefined;
  for (const [index, point] of [...writePoints, ...writePoints].entries()) {
    const found = await killedAt(program, dataDir, index, point);
    const renamed = point === 'renamed' || point === 'folder_synced';
    expect([point, found]).toEqual([point, renamed ? index : old]);
    old = found;
  }
});

test('what a save has reported as written is there after a kill', async () => {
  const dataDir = join(root, 'moments');
  let next = 0;
  for (let round = 0; round < 6; round += 1) {
    const { known, found = -1 } = await killedAfter(program, dataDir, next, Math.random() * 20);
    expect(found).toBeGreaterThanOrEqual(known);
    expect(found).toBeLessThanOrEqual(known + 1);
    next = Math.max(found, known) + 1;
  }
});
