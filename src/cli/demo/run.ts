/**
 * Sets the demo up and tears it down: the sandbox, the built server with an environment of its own, the
 * scenes.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { asAbortSignal } from '../../abortable.ts';
import type { Environment } from '../../config/config.ts';
import { firstOf } from '../../http/waiting/first-of.ts';
import { type Sandbox, startSandbox } from '../../sandbox/sandbox.ts';
import { hostsOf } from '../sandbox/guide.ts';
import type { Cancellation } from '../terminal/cancellation.ts';
import type { Shell } from '../terminal/shell.ts';
import { freePort } from './free-port.ts';
import { type Host, startHost } from './host.ts';
import { play } from './scenes.ts';
import { createStepRunner, DemoFailure, type StepRunner } from './steps.ts';
import { watch } from './wire.ts';

export interface DemoOptions {
  readonly browser: boolean;
  readonly json: boolean;
}

/** Long enough to use the token before it expires, short enough to wait for its expiry. */
const accessTokenSeconds = 2;
const scriptedLimitMs = 30_000;
const personLimitMs = 10 * 60_000;

/** Returns the exit code: 0 only if every step worked. */
export async function runDemo(
  shell: Shell,
  { browser, json }: DemoOptions,
  cancellation: Cancellation,
): Promise<number> {
  const { out, err } = shell;
  const startedAt = performance.now();
  const runner = createStepRunner(shell, { quiet: json });
  const limitMs = browser ? personLimitMs : scriptedLimitMs;
  const signal = asAbortSignal(firstOf(cancellation.signal, AbortSignal.timeout(limitMs)).signal);
  const place = await mkdtemp(join(tmpdir(), 'cloudflare-access-mcp-demo-'));
  let sandbox: Sandbox | undefined;
  let host: Host | undefined;
  let ok = false;
  try {
    sandbox = await startSandbox({ accessTokenSeconds });
    if (!json) introduce(shell, sandbox);
    host = await connect(shell, { runner, sandbox, place, browser, signal });
    await play({ runner, sandbox, host, browser, signal });
    ok = true;
  } catch (error) {
    if (!(error instanceof DemoFailure)) throw error;
    const printed = host?.stderr().trim();
    if (printed) err.line(`The server printed:\n${printed}`);
  } finally {
    await host?.close();
    await sandbox?.close();
    await rm(place, { recursive: true, force: true });
  }
  const seconds = Number(((performance.now() - startedAt) / 1000).toFixed(2));
  if (json) out.line(JSON.stringify({ ok, seconds, steps: runner.steps }));
  else if (ok) {
    const done = `Everything worked: ${runner.steps.length} steps in ${seconds} s, nothing left behind.`;
    out.line(out.paint('green', done));
    out.line(
      out.paint('dim', 'To try the same setup with your own agent: cloudflare-access-mcp sandbox'),
    );
  } else {
    out.line(out.paint('red', `The demo failed after ${seconds} s.`));
  }
  cancellation.signal.throwIfAborted();
  return ok ? 0 : 1;
}

function introduce({ out }: Shell, { team, applications }: Sandbox): void {
  out.line(out.paint('bold', 'cloudflare-access-mcp demo'));
  out.line(
    'A local Cloudflare Access, the built server and a real MCP client: no account, no network.',
  );
  const places = [
    ['team', team, 'where people sign in'],
    [
      'wiki',
      applications['managed-oauth'].url,
      `Managed OAuth, tokens live ${accessTokenSeconds} s`,
    ],
    ['dashboard', applications['browser-login'].url, 'a login page, no OAuth'],
    ['machines', applications['service-auth'].url, 'service tokens only'],
  ] as const;
  for (const [name, url, what] of places) {
    out.line(out.paint('dim', `   ${name.padEnd(10)} ${url.origin.padEnd(23)} ${what}`));
  }
  out.line();
}

function connect(
  shell: Shell,
  parts: {
    runner: StepRunner;
    sandbox: Sandbox;
    place: string;
    browser: boolean;
    signal: AbortSignal;
  },
): Promise<Host> {
  const { runner, sandbox, place, browser, signal } = parts;
  return runner.step('Connect, as a host does', async (step) => {
    const traffic = watch(sandbox);
    const host = await startHost({
      program: process.argv[1] ?? '',
      environment: await serverEnvironment(shell.environment, { sandbox, place, browser }),
      version: shell.version,
      signal,
      timeoutMs: browser ? personLimitMs : scriptedLimitMs,
    });
    step.prove(`four tools: ${host.tools.join(', ')}`, host.tools.length === 4);
    for (const line of traffic().lines()) step.wire(line);
    return host;
  });
}

/** None of the person's own sessions and settings; with `browser`, what a browser needs. */
async function serverEnvironment(
  environment: Environment,
  { sandbox, place, browser }: { sandbox: Sandbox; place: string; browser: boolean },
): Promise<Record<string, string>> {
  const { PATH = '', SystemRoot } = environment;
  const own = /^(?:CI|CF_ACCESS_.*|CLOUDFLARE_ACCESS_.*)$/;
  const inherited = browser
    ? Object.entries(environment).filter(([name]) => !own.test(name))
    : // No browser is started: the result contains the address, and the demo opens it.
      Object.entries({ PATH, SystemRoot, HOME: place, BROWSER: 'false' });
  return {
    ...Object.fromEntries(
      inherited.filter((entry): entry is [string, string] => entry[1] !== undefined),
    ),
    CF_ACCESS_DATA_DIR: join(place, 'data'),
    CF_ACCESS_HEADLESS: '0',
    CF_ACCESS_CALLBACK_PORT: String(await freePort()),
    CF_ACCESS_TRANSFER_URL: sandbox.transfer.origin,
    CF_ACCESS_CLIENT_ID: sandbox.serviceToken.clientId,
    CF_ACCESS_CLIENT_SECRET: sandbox.serviceToken.clientSecret,
    CF_ACCESS_HOSTS: hostsOf(sandbox),
  };
}
