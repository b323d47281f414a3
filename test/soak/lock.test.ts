import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { lockPath, newHolder } from '../../src/host/lock/lock-file.ts';
import { ownIdentity } from '../../src/host/lock/process-identity.ts';
import { bundleProgram, start } from '../host/processes.ts';

const root = mkdtempSync(join(tmpdir(), 'lock-soak-'));
let program: string;
beforeAll(async () => {
  program = await bundleProgram('contender', root);
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

test('8 processes take over a dead one’s lock 75 times, and there are never two holders', {
  timeout: 120_000,
}, async () => {
  const folder = join(root, 'locks');
  mkdirSync(folder, { mode: 0o700 });
  const dead = spawn(process.execPath, ['-e', '']);
  await once(dead, 'exit');
  const owner = { ...ownIdentity(), pid: dead.pid ?? 0, startTime: '1' };
  const running = Array.from({ length: 8 }, () => start(program, folder, join(root, 'witness')));
  try {
    for (const { line } of running) expect(await line()).toBe('ready');
    for (let round = 0; round < 75; round += 1) {
      writeFileSync(lockPath(folder, 'name'), JSON.stringify(newHolder(owner)));
      for (const { say } of running) say('rounds 1');
      const lines = await Promise.all(running.map(({ line }) => line()));
      expect([round, ...lines]).toEqual([round, ...Array(8).fill('done')]);
      expect(readdirSync(folder)).toEqual([]);
    }
  } finally {
    for (const { child } of running) child.kill('SIGKILL');
  }
});

test('holders that are killed one after the other at any moment never stop the rest', {
  timeout: 120_000,
}, async () => {
  const folder = join(root, 'killed');
  const witness = (): string => join(root, `witness-${Math.random()}`);
  for (let round = 0; round < 40; round += 1) {
    // Each has a witness of its own: a killed one leaves it lying.
    const victims = Array.from({ length: 3 }, () => start(program, folder, witness()));
    for (const { line } of victims) await line();
    for (const { say } of victims) say('rounds 1000');
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 40));
    for (const { child } of victims) child.kill('SIGKILL');
    await Promise.all(victims.map(({ ended }) => ended));
    const survivor = start(program, folder, witness());
    expect(await survivor.line()).toBe('ready');
    const from = performance.now();
    survivor.say('rounds 1');
    expect(await survivor.line()).toBe('done');
    expect(performance.now() - from).toBeLessThan(1_000);
    survivor.child.kill('SIGKILL');
  }
});
