/**
 * The built program as a person runs it: a process with an environment of its own, in a folder that is
 * removed afterwards. Its browser only writes down what it was asked to open; `signIn` plays the person.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type SignInOptions, signInAs } from '../../src/sandbox/team/person.ts';
import { writeBrowserProgram } from '../support/browser-program.ts';
import { callbackPort } from '../support/callback-port.ts';
import { builtServer, eventually, loopbackHosts } from '../support/mcp-server.ts';

export interface Run {
  readonly code: number | null;
  readonly stdout: string;
  readonly bytes: Buffer;
  readonly stderr: string;
  /** stdout as one JSON object. */
  readonly json: Record<string, unknown>;
}

export interface Running {
  readonly child: ChildProcess;
  readonly ended: Promise<Run>;
  readonly stdout: () => string;
  readonly stderr: () => string;
}

export interface RunOptions {
  readonly environment?: Record<string, string>;
  readonly input?: string;
  /** stdin stays open for the test to write to. */
  readonly keepsInput?: true;
  readonly cwd?: string;
}

export interface Program {
  /** A folder of the test's own. */
  readonly place: string;
  readonly dataDir: string;
  /** What its processes have, and nothing else. */
  readonly environment: Readonly<Record<string, string>>;
  run(args: readonly string[], options?: RunOptions): Promise<Run>;
  start(args: readonly string[], options?: RunOptions): Running;
  /** Waits for the next address that the browser is asked to open, and signs in there. */
  signIn(person: string, options?: SignInOptions): Promise<void>;
  /** Everything that the browser was asked to open. */
  opened(): Promise<string[]>;
  remove(): Promise<void>;
}

export async function createProgram(environment: Record<string, string> = {}): Promise<Program> {
  const place = await mkdtemp(join(tmpdir(), 'cloudflare-access-mcp-'));
  const dataDir = join(place, 'data');
  const browser = join(place, 'browser');
  const opened = await writeBrowserProgram(browser);
  const own = {
    PATH: process.env.PATH ?? '',
    HOME: place,
    BROWSER: browser,
    CF_ACCESS_DATA_DIR: dataDir,
    CF_ACCESS_HEADLESS: '0',
    CF_ACCESS_CALLBACK_PORT: callbackPort(dataDir),
    CF_ACCESS_HOSTS: loopbackHosts,
    ...environment,
  };
  let answered = 0;
  const start: Program['start'] = (args, options = {}) =>
    startProcess(process.execPath, [builtServer, ...args], {
      ...options,
      environment: { ...own, ...options.environment },
      cwd: options.cwd ?? place,
    });
  return {
    place,
    dataDir,
    environment: own,
    start,
    run: (args, options) => start(args, options).ended,
    opened,
    async signIn(person, options) {
      const url = await eventually(async () => (await opened())[answered]);
      answered += 1;
      await signInAs(url, person, options);
    },
    remove: () => rm(place, { recursive: true, force: true, maxRetries: 5 }),
  };
}

export function startProcess(
  command: string,
  args: readonly string[],
  { environment = {}, input, keepsInput, cwd }: RunOptions,
): Running {
  const child = spawn(command, args, {
    env: environment,
    stdio: 'pipe',
    ...(cwd === undefined ? {} : { cwd }),
  });
  const out: Buffer[] = [];
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk;
  });
  child.stdin.on('error', () => {});
  if (!keepsInput) child.stdin.end(input ?? '');
  const ended = new Promise<Run>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => {
      const bytes = Buffer.concat(out);
      const stdout = bytes.toString('utf8');
      resolve({
        code,
        bytes,
        stdout,
        stderr,
        get json() {
          return JSON.parse(stdout) as Record<string, unknown>;
        },
      });
    });
  });
  return {
    child,
    ended,
    stdout: () => Buffer.concat(out).toString('utf8'),
    stderr: () => stderr,
  };
}
