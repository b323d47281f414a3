/** Output that is longer than what a pipe holds, read slowly or not at all. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { encodeRecord, recordFileName } from '../../../src/host/files/record-file.ts';
import { sampleSession } from '../../host/sample-records.ts';
import { builtServer } from '../../support/mcp-server.ts';
import { createProgram, type Program } from '../program.ts';

let program: Program;
const count = 4_000;

beforeAll(async () => {
  program = await createProgram({ CF_ACCESS_HOSTS: '' });
  const folder = join(program.dataDir, 'sessions');
  await mkdir(folder, { recursive: true, mode: 0o700 });
  for (let each = 0; each < count; each += 1) {
    const resource = `https://app-${each}.example.com/`;
    const bytes = encodeRecord('session', resource, sampleSession(resource));
    await writeFile(join(folder, recordFileName(resource)), bytes, { mode: 0o600 });
  }
});
afterAll(() => program.remove());

/**
 * `status --json` in a pipe that `read` empties. One that does not block, as a process leaves it that has
 * made it so for itself and was killed.
 */
async function statusInto(read: string) {
  const { environment, place } = program;
  const unblock = `"$NODE" -e 'process.stdout; process.kill(process.pid, 9)' 2>killed`;
  const status = '"$NODE" "$PROGRAM" status --json; echo $? >code';
  const shell = spawn('sh', ['-c', `{ ${unblock}; ${status}; } | { ${read}; }`], {
    cwd: place,
    env: { ...environment, NODE: process.execPath, PROGRAM: builtServer },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let stderr = '';
  shell.stderr.on('data', (chunk) => {
    stderr += chunk;
  });
  await once(shell, 'close');
  const code = Number(await readFile(join(place, 'code'), 'utf8'));
  return { code, stderr: stderr.replace('Killed\n', '') };
}

it('reaches a slow reader whole, whom the kernel makes it wait for', async () => {
  expect(await statusInto('sleep 1; cat > read')).toEqual({ code: 0, stderr: '' });
  const read = JSON.parse(await readFile(join(program.place, 'read'), 'utf8'));
  expect(read.sessions).toHaveLength(count);
});

it('is no failure where the reader leaves', async () => {
  expect(await statusInto('head -c 100 > read')).toEqual({ code: 0, stderr: '' });
});
