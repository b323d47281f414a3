/** A server in a process of its own, which ends with the test. */
import { spawn } from 'node:child_process';
import { eventually } from './mcp-server.ts';

export interface ServerProcess {
  /** What it has printed so far, line by line. */
  lines(): string[];
  /** On its standard input. */
  say(line: string): void;
  close(): Promise<void>;
}

/** Resolves when a line of its output matches `ready`. */
export async function startServerProcess(
  program: string,
  ready: RegExp,
  options: { args?: readonly string[]; environment?: Record<string, string> } = {},
): Promise<ServerProcess> {
  const child = spawn(process.execPath, [program, ...(options.args ?? [])], {
    env: { PATH: process.env.PATH ?? '', ...options.environment },
    stdio: 'pipe',
  });
  let printed = '';
  let complaints = '';
  child.stdout.on('data', (part) => {
    printed += part;
  });
  child.stderr.on('data', (part) => {
    complaints += part;
  });
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const lines = () => printed.split('\n').filter((line) => line !== '');
  await eventually(() => {
    if (child.exitCode !== null) throw new Error(`${program} has ended: ${complaints}`);
    return lines().some((line) => ready.test(line)) || undefined;
  }, 20_000);
  return {
    lines,
    say: (line) => void child.stdin.write(`${line}\n`),
    async close() {
      child.kill('SIGKILL');
      await ended;
    },
  };
}
