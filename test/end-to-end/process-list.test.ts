/**
 * What another user of the machine makes of the process list while a browser is opened (contract §4.7):
 * two real users, a real Chromium that runs already, and every command line that was there meanwhile.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { chmod, chown, cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type Browser, chromium } from 'playwright-core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Sandbox, startSandbox } from '../../src/sandbox/sandbox.ts';
import { chromiumArguments, chromiumPath, hasChromium } from '../support/chromium.ts';
import { builtServer, eventually, startServer, type TestServer } from '../support/mcp-server.ts';

const person = 20_001;
const stranger = 20_002;
const strangerProgram = new URL('../support/stranger.js', import.meta.url).pathname;
const canBeOthers = process.platform === 'linux' && process.getuid?.() === 0;

const as = (user: number): string[] => [
  'setpriv',
  `--reuid=${user}`,
  `--regid=${user}`,
  '--clear-groups',
];

describe.skipIf(!canBeOthers || !hasChromium)(
  'another user with the process list (skipped without root, Linux and Chromium)',
  () => {
    let place: string;
    let home: string;
    let sandbox: Sandbox;
    let server: TestServer;
    let browser: Browser;
    let watching: { lines: Set<string>; stop(): void };
    let heard: Record<string, unknown>[];
    const children: ChildProcess[] = [];

    beforeEach(async () => {
      place = await mkdtemp(join(tmpdir(), 'process-list-'));
      await chmod(place, 0o755);
      home = join(place, 'home');
      await mkdir(home, { mode: 0o700 });
      await chown(home, person, person);
      // Where they can read it, wherever this tree is.
      await cp(dirname(builtServer), join(place, 'dist'), { recursive: true });
      await cp(strangerProgram, join(place, 'stranger.mjs'));
      const devTools = await startPersonsChromium();
      // The stranger is given the time to be first; then the Chromium that runs opens a tab.
      await writeFile(
        join(place, 'browser'),
        `#!/bin/sh
while [ ! -e '${place}/go' ]; do sleep 0.02; done
exec '${process.execPath}' -e 'fetch("http://${devTools}/json/new?" + process.argv[1], { method: "PUT" })' "$1"
`,
        { mode: 0o755 },
      );
      heard = startStranger();
      await eventually(() => (heard[0]?.user === stranger ? true : undefined));
      watching = watchCommandLines();
      sandbox = await startSandbox();
      server = await startServer({
        command: [...as(person), process.execPath, join(place, 'dist', 'main.js')],
        browser: join(place, 'browser'),
        environment: {
          HOME: home,
          CF_ACCESS_DATA_DIR: join(home, 'data'),
          CF_ACCESS_TRANSFER_URL: sandbox.transfer.origin,
        },
      });
    }, 90_000);
    afterEach(async () => {
      watching?.stop();
      await server?.close();
      await browser?.close().catch(() => {});
      for (const child of children.splice(0)) child.kill('SIGKILL');
      await sandbox?.close();
      await rm(place, { recursive: true, force: true, maxRetries: 5 });
    });

    /** Where it takes orders. */
    async function startPersonsChromium(): Promise<string> {
      const [program = '', ...args] = [
        ...as(person),
        chromiumPath,
        ...chromiumArguments,
        '--headless=new',
        `--user-data-dir=${home}/profile`,
        '--remote-debugging-port=0',
      ];
      const child = spawn(program, args, {
        env: { PATH: process.env.PATH, HOME: home },
        stdio: ['ignore', 'ignore', 'pipe'],
      });
      children.push(child);
      let printed = '';
      child.stderr?.on('data', (part) => {
        printed += part;
      });
      const endpoint = await eventually(() => /ws:\/\/\S+/.exec(printed)?.[0], 20_000);
      // On a busy machine, a Chromium that is still starting has left its first visitor without an answer.
      browser = await chromium
        .connectOverCDP(endpoint, { timeout: 15_000 })
        .catch(() => chromium.connectOverCDP(endpoint));
      return new URL(endpoint).host;
    }

    function startStranger(): Record<string, unknown>[] {
      const lines: Record<string, unknown>[] = [];
      const [program = '', ...args] = [
        ...as(stranger),
        process.execPath,
        join(place, 'stranger.mjs'),
        join(place, 'browser'),
      ];
      const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
      children.push(child);
      let text = '';
      child.stdout?.on('data', (part) => {
        text += part;
        const whole = text.split('\n');
        text = whole.pop() ?? '';
        for (const line of whole) lines.push(JSON.parse(line));
      });
      return lines;
    }

    /** The sign-in from the agent's call to its end, with the person at their Chromium. */
    async function signIn(url: string): Promise<{ address: string; shown: URL }> {
      const signingIn = server.call('authenticate', { url });
      await eventually(() => (heard.some(({ done }) => done !== undefined) ? true : undefined));
      const joined = await server.call('authenticate', { url, wait_seconds: 0 });
      await writeFile(join(place, 'go'), '');
      const isLogin = (one: { url(): string }) =>
        /cdn-cgi\/access\/login|authorization/.test(one.url());
      const tab = await eventually(
        () =>
          browser
            .contexts()
            .flatMap((each) => each.pages())
            .find(isLogin),
        30_000,
      );
      await tab.getByRole('button', { name: sandbox.people[0] ?? '' }).click();
      expect((await signingIn).json).toMatchObject({ status: 'authenticated' });
      const address = String(heard.find(({ done }) => done !== undefined)?.done);
      return { address, shown: new URL(String(joined.json.authorization_url)) };
    }

    function expectNothingGained(address: string, secret: string): void {
      const answers = heard.filter((line) => line.address === address);
      expect(answers).toHaveLength(4);
      for (const { answer } of answers) {
        expect(answer).toMatch(/^(?:HTTP\/1\.1 403 .*|ECONN(?:REFUSED|RESET)|)$/s);
        expect(answer).not.toMatch(/location:/i);
      }
      expect(String(answers[0]?.answer)).toMatch(/^HTTP\/1\.1 403 /);
      const lines = [...watching.lines].join('\n');
      // They were watched: what the browser was started with is among them.
      expect(lines).toContain(address);
      expect(secret.length).toBeGreaterThan(40);
      for (const form of [secret, encodeURIComponent(secret)]) expect(lines).not.toContain(form);
    }

    it('gets nothing of a sign-in by code, and uses nothing up', async () => {
      const { address, shown } = await signIn(sandbox.applications['managed-oauth'].url.href);
      expectNothingGained(address, shown.searchParams.get('state') ?? '');
      // On the callback's own port, which people forward to where their browser is.
      expect(new URL(address).port).toBe(
        new URL(shown.searchParams.get('redirect_uri') ?? '').port,
      );
      expect(server.stderr()).toContain('another user of this machine');
    });

    it('gets nothing of a browser transfer, and uses nothing up', async () => {
      const { address, shown } = await signIn(sandbox.applications['browser-login'].url.href);
      expectNothingGained(address, shown.searchParams.get('token') ?? '');
    });
  },
);

/** Every command line that any process has had since. */
function watchCommandLines(): { lines: Set<string>; stop(): void } {
  const lines = new Set<string>();
  const look = (): void => {
    for (const pid of readdirSync('/proc')) {
      if (!/^\d+$/.test(pid)) continue;
      try {
        lines.add(readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' '));
      } catch {} // gone
    }
  };
  const timer = setInterval(look, 10);
  return { lines, stop: () => clearInterval(timer) };
}
