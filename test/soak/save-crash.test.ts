import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { killedAfter, killedAt, writePoints } from '../host/crashes.ts';
import { bundleProgram } from '../host/processes.ts';

const root = mkdtempSync(join(tmpdir(), 'save-crash-'));
let program: string;
beforeAll(async () => {
  program = await bundleProgram('saver', root);
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

test('200 saves killed at every write point leave the old record or the new one (contract §5)', {
  timeout: 120_000,
}, async () => {
  const dataDir = join(root, 'points');
  let old: number | undefined;
  for (let round = 0; round < 204; round += 1) {
    const point = writePoints[round % writePoints.length] ?? 'start';
    const found = await killedAt(program, dataDir, round, point);
    const renamed = point === 'renamed' || point === 'folder_synced';
    expect([round, point, found]).toEqual([round, point, renamed ? round : old]);
    old = found;
  }
});

test('100 saves killed at any moment lose nothing that was reported as written', {
  timeout: 120_000,
}, async () => {
  const dataDir = join(root, 'moments');
  let next = 0;
  for (let round = 0; round < 100; round += 1) {
    const { known, found = -1 } = await killedAfter(program, dataDir, next, Math.random() * 25);
    expect(found).toBeGreaterThanOrEqual(known);
    expect(found).toBeLessThanOrEqual(known + 1);
    next = Math.max(found, known) + 1;
  }
});
