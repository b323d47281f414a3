/** Real processes for the tests of this room: a source file, bundled, started with Node. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

/** Bundles `test/host/<name>.ts` into `folder`; gives the path to run. */
export async function bundleProgram(name: string, folder: string): Promise<string> {
  const outfile = join(folder, `${name}.mjs`);
  await build({
    entryPoints: [fileURLToPath(new URL(`./${name}.ts`, import.meta.url))],
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20.18',
    logLevel: 'error',
  });
  return outfile;
}

export interface Running {
  readonly child: ChildProcess;
  /** Resolves with the next line that it prints; rejects when it ends instead. */
  line(): Promise<string>;
  say(line: string): void;
  /** The exit code, or the signal's name. */
  readonly ended: Promise<number | string>;
}

export function start(program: string, ...args: string[]): Running {
  const child = spawn(process.execPath, [program, ...args], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { PATH: process.env.PATH },
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    child,
    async line() {
      const { value, done } = await lines.next();
      if (done) throw new Error('the process has ended');
      return value as string;
    },
    say: (line) => void child.stdin.write(`${line}\n`),
    ended: once(child, 'exit').then(([code, signal]) => (code ?? signal) as number | string),
  };
}
