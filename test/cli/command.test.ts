/** The whole: help, version, misuse, and a reader that leaves. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import packageJson from '../../package.json' with { type: 'json' };
import { createProgram, type Program } from './program.ts';

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
    expect((await program.run(['status', '--jsn'])).code).toBe(2);
    expect((await program.run(['status', 'more'])).code).toBe(2);
  });

  it('does not mind a reader that leaves', async () => {
    const running = program.start(['--help']);
    running.child.stdout?.destroy();
    const { code, stderr } = await running.ended;
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  });
});
