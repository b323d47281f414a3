/** The whole: help, version, misuse, and a reader that leaves. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import packageJson from '../../package.json' with { type: 'json' };
import { builtServer, eventually } from '../support/mcp-server.ts';
import { createProgram, type Program, startProcess } from './program.ts';

let program: Program;
beforeAll(async () => {
  program = await createProgram();
});
afterAll(() => program.remove());

const commands = [
  'login',
  'fetch',
  'curl',
  'token',
  'logout',
  'status',
  'doctor',
  'sandbox',
  'demo',
];

describe('the command line', () => {
  it('lists every command in its help, on stdout', async () => {
    const { code, stdout, stderr } = await program.run(['--help']);
    expect(code).toBe(0);
    expect(stderr).toBe('');
    for (const command of [...commands, 'serve']) expect(stdout).toContain(command);
  });

  it('prints the help that the build recorded as it would be without it', async () => {
    const recorded = (await program.run(['--help'])).stdout;
    const made = await program.run(['--help'], { environment: { FORCE_COLOR: '1' } });
    expect(made.stdout).not.toBe(recorded);
    expect(stripVTControlCharacters(made.stdout)).toBe(recorded);
    expect((await program.run(['help'])).stdout).toBe(recorded);
  });

  it.each(commands)('explains %s', async (command) => {
    const { code, stdout } = await program.run([command, '--help']);
    expect(code).toBe(0);
    expect(stdout).toContain('Usage: cloudflare-access-mcp');
    expect(stdout.length).toBeGreaterThan(200);
    expect(Math.max(...stdout.split('\n').map((line) => line.length))).toBeLessThanOrEqual(100);
  });

  it('tells its version', async () => {
    expect(await program.run(['--version'])).toMatchObject({
      code: 0,
      stdout: `${packageJson.version}\n`,
    });
  });

  it('is misused with 2 by what it does not know, and suggests what was meant', async () => {
    const unknown = await program.run(['lgoin']);
    expect(unknown).toMatchObject({ code: 2, stdout: '' });
    expect(unknown.stderr).toContain('login');
    const unexplained = await program.run(['help', 'lgoin']);
    expect(unexplained).toMatchObject({ code: 2, stdout: '', stderr: unknown.stderr });
    expect((await program.run(['status', '--jsn'])).code).toBe(2);
    expect((await program.run(['status', 'more'])).code).toBe(2);
  });

  it
    .runIf(process.platform === 'linux')
    .each([['status'], ['doctor'], ['--help'], ['token', '--json', 'http://127.0.0.1:1/']])(
    'fails with 1 when its output cannot be written: %s',
    async (...args) => {
      const shell = ['-c', 'exec "$0" "$@" >/dev/full', process.execPath, builtServer, ...args];
      const environment = { HOME: program.place, CF_ACCESS_DATA_DIR: program.dataDir };
      const { code, stderr } = await startProcess('/bin/sh', shell, { environment }).ended;
      expect(code).toBe(1);
      expect(stderr).toContain('The output cannot be written (ENOSPC).');
    },
  );

  it.runIf(process.platform === 'linux')(
    'tells nothing of an output that it has no use for',
    async () => {
      const token = [builtServer, 'token', 'http://127.0.0.1:1/'];
      const shell = ['-c', 'exec "$0" "$@" >/dev/full', process.execPath, ...token];
      const environment = { HOME: program.place, CF_ACCESS_DATA_DIR: program.dataDir };
      const { code, stderr } = await startProcess('/bin/sh', shell, { environment }).ended;
      expect(code).toBe(1);
      expect(stderr).not.toContain('output');
    },
  );

  it('fails with 1 when nothing is open any more and it has come to no result', async () => {
    const silence = join(program.place, 'silence.cjs');
    await writeFile(
      silence,
      `require('node:http').request = () => new Proxy({}, { get: (_, name) => name !== 'then' && (() => {}) });`,
    );
    const { code, stdout, stderr } = await program.run(['fetch', 'http://127.0.0.1:1/'], {
      environment: { NODE_OPTIONS: `--require=${silence}` },
    });
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toContain('has come to no result');
  });

  it('ends on a signal also where nobody reads what it has to print', async () => {
    const origin = createServer((_, response) => {
      const write = (): void => {
        while (response.write(Buffer.alloc(1024 * 1024, 'x')));
        response.once('drain', write);
      };
      write();
    }).listen(0, '127.0.0.1');
    onTestFinished(() => {
      origin.closeAllConnections();
      origin.close();
    });
    await once(origin, 'listening');
    const { port } = origin.address() as AddressInfo;
    const child = spawn(process.execPath, [builtServer, 'fetch', `http://127.0.0.1:${port}/`], {
      env: program.environment,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    onTestFinished(() => void child.kill('SIGKILL'));
    await once(child.stdout, 'readable');
    const { stdout } = child;
    await eventually(() => stdout.readableLength >= stdout.readableHighWaterMark || undefined);
    child.kill('SIGTERM');
    expect(await eventually(() => child.exitCode ?? undefined, 5000)).toBe(143);
  });

  it('does not mind a reader that leaves', async () => {
    const running = program.start(['--help']);
    running.child.stdout?.destroy();
    const { code, stderr } = await running.ended;
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  });
});
