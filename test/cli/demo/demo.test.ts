/** demo and sandbox: everything without an account, and nothing left behind. */
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { eventually } from '../../support/mcp-server.ts';
import { createProgram, type Program } from '../program.ts';

let program: Program;

beforeEach(async () => {
  program = await createProgram();
});
afterEach(() => program.remove());

/** Temporary folders go to the test's own, so that what is left in it can be counted. */
async function ownTemporaryFolder(): Promise<Record<string, string>> {
  const TMPDIR = join(program.place, 'tmp');
  await mkdir(TMPDIR);
  return { TMPDIR };
}

describe('demo', () => {
  it('shows all of it within ten seconds, proves it, and leaves nothing behind', async () => {
    const environment = await ownTemporaryFolder();
    const at = performance.now();
    const { code, stdout, stderr } = await program.run(['demo'], { environment });
    expect(performance.now() - at).toBeLessThan(10_000);
    expect(stderr).toBe('');
    expect(code).toBe(0);
    expect(stdout).toContain('exactly one refresh was made for all of them');
    expect(stdout).toContain('Everything worked');
    expect(stdout).not.toContain('\u001b');
    expect(readdirSync(environment.TMPDIR ?? '')).toEqual([]);
    expect(existsSync(program.dataDir)).toBe(false);
  });

  it('gives its steps as JSON', async () => {
    const { code, json } = await program.run(['demo', '--json']);
    expect(code).toBe(0);
    expect(json).toMatchObject({ ok: true });
    expect((json.steps as { ok: boolean }[]).map(({ ok }) => ok)).toEqual(Array(8).fill(true));
  });

  it('is nobody’s settings: a service token, a pinned team and CI change nothing', async () => {
    const environment = {
      CI: 'true',
      CF_ACCESS_HEADLESS: '1',
      CF_ACCESS_TEAM_DOMAIN: 'acme',
      CF_ACCESS_CLIENT_ID: 'half a pair',
    };
    expect((await program.run(['demo', '--json'], { environment })).json).toMatchObject({
      ok: true,
    });
  });

  it('ends at once when it is interrupted, and takes its server and folders along', async () => {
    const environment = await ownTemporaryFolder();
    const running = program.start(['demo'], { environment });
    await eventually(() => /access_fetch/.exec(running.stdout())?.[0]);
    const [child] = execFileSync('ps', ['-o', 'pid=', '--ppid', String(running.child.pid)])
      .toString()
      .trim()
      .split(/\s+/);
    running.child.kill('SIGINT');
    expect((await running.ended).code).toBe(130);
    expect(readdirSync(environment.TMPDIR ?? '')).toEqual([]);
    await eventually(() => (isAlive(Number(child)) ? undefined : true));
  });

  it('lets the person sign in themselves with --browser', async () => {
    const running = program.start(['demo', '--browser', '--json']);
    await program.signIn('ada@example.com');
    await program.signIn('ada@example.com');
    expect((await running.ended).json).toMatchObject({ ok: true });
  });
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

describe('sandbox', () => {
  it('tells in one line of JSON where it is, and what a server needs to use it', async () => {
    const running = program.start(['sandbox', '--json']);
    const line = await eventually(() => /^.*\n/.exec(running.stdout())?.[0]);
    const place = JSON.parse(line);
    const wiki = place.applications['managed-oauth'].url;
    expect((await fetch(wiki)).status).toBe(401);
    const environment = { ...place.environment, CF_ACCESS_HEADLESS: '0' };
    const machines = place.applications['service-auth'].url;
    const fetched = await program.run(['fetch', machines], { environment });
    expect(fetched).toMatchObject({ code: 0 });
    const signingIn = program.start(['login', wiki], { environment });
    await program.signIn(place.people[0]);
    expect((await signingIn.ended).code).toBe(0);
    expect(existsSync(environment.CF_ACCESS_DATA_DIR)).toBe(true);
    running.child.kill('SIGTERM');
    expect((await running.ended).code).toBe(0);
    expect(existsSync(environment.CF_ACCESS_DATA_DIR)).toBe(false);
  });

  it('tells people the same, ready to paste, and each request with --requests', async () => {
    const running = program.start(['sandbox', '--requests', '--access-token-seconds', '5']);
    await eventually(() => /Ctrl-C ends it/.exec(running.stdout())?.[0]);
    expect(running.stdout()).toMatch(/export CF_ACCESS_CLIENT_SECRET=cfast_/);
    const [config] = /\{\n {4}"mcpServers"[\s\S]*\n {2}\}/.exec(running.stdout()) ?? [];
    expect(JSON.parse(config ?? '')).toHaveProperty('mcpServers.cloudflare-access-sandbox.env');
    // Each application says what it shows at the same column, however long its name is.
    const listed = running.stdout().match(/^ {2}http:\S+ +[\w-]+ +(?=\S)/gm) ?? [];
    expect(listed.length).toBeGreaterThan(15);
    expect(new Set(listed.map((line) => line.length)).size).toBe(1);
    const [wiki] = /http:\S+(?= +managed-oauth )/.exec(running.stdout()) ?? [];
    // The same program in both, which may be installed nowhere.
    const { args } = JSON.parse(config ?? '').mcpServers['cloudflare-access-sandbox'];
    expect(running.stdout()).toContain(`node ${args[0]} fetch ${wiki}`);
    await fetch(wiki ?? '');
    await eventually(() => /managed-oauth +GET +\/ +challenge/.exec(running.stderr())?.[0]);
    running.child.kill('SIGINT');
    expect((await running.ended).code).toBe(0);
  });

  it('fails when its port is taken, and is misused with a port that is none', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    const taken = await program.run(['sandbox', '--port', String(port)]);
    other.close();
    expect(taken.code).toBe(1);
    expect(taken.stderr).toContain(String(port));
    expect((await program.run(['sandbox', '--port', 'x'])).code).toBe(2);
  });
});
