/** A machine whose clock is wrong: that is what is said, and no host, token or person is bothered for it. */
import { rm } from 'node:fs/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Sandbox, startSandbox } from '../../src/sandbox/sandbox.ts';
import { signInAs } from '../../src/sandbox/team/person.ts';
import { createProgram } from '../cli/program.ts';
import {
  eventually,
  startServer,
  type TestServer,
  temporaryFolder,
} from '../support/mcp-server.ts';

const hour = 3_600_000;
const shifted = (aheadMs: number) => ({
  NODE_OPTIONS: `--import=${new URL('../support/shifted-clock.js', import.meta.url).href}`,
  CLOCK_AHEAD_MS: String(aheadMs),
});

let sandbox: Sandbox;
let server: TestServer | undefined;
beforeAll(async () => {
  sandbox = await startSandbox({ applicationSessionSeconds: 600 });
});
afterAll(() => sandbox.close());
afterEach(() => server?.close());

async function start(
  aheadMs: number,
  environment: Record<string, string> = {},
): Promise<TestServer> {
  sandbox.clearRequests();
  server = await startServer({
    environment: {
      CF_ACCESS_TRANSFER_URL: sandbox.transfer.origin,
      ...shifted(aheadMs),
      ...environment,
    },
  });
  return server;
}

describe('a clock that is wrong', () => {
  it.each([
    ['behind', -2 * hour, /about 2 hours behind the one at/],
    ['ahead', 2 * hour, /about 2 hours ahead of the one at/],
    ['days ahead', 72 * hour, /about 3 days ahead of the one at/],
  ])('%s is named before anybody is asked to sign in', async (_, aheadMs, words) => {
    const { call, opened } = await start(aheadMs);
    const { url } = sandbox.applications['browser-login'];
    for (const tool of ['access_fetch', 'authenticate', 'get_token']) {
      const { json } = await call(tool, { url: url.href });
      expect(json.error).toMatchObject({
        code: 'temporarily_unavailable',
        message: expect.stringMatching(words),
        next_step: expect.stringContaining(`the command doctor, with ${url.href}`),
      });
      expect(JSON.stringify(json)).not.toMatch(/CF_ACCESS_|not valid/);
    }
    const { json } = await call('detect_protection', { url: url.href });
    expect(json.next_step).toMatch(words);
    expect(json).toMatchObject({ sign_in: [] });
    expect(await opened()).toEqual([]);
    expect(sandbox.requests.filter(({ host }) => host === 'transfer')).toEqual([]);
  });

  it('is named where a service token waits for the proof of its team', async () => {
    const { clientId, clientSecret } = sandbox.serviceToken;
    const { call } = await start(-2 * hour, {
      CF_ACCESS_CLIENT_ID: clientId,
      CF_ACCESS_CLIENT_SECRET: clientSecret,
      CF_ACCESS_HOSTS: '',
      CF_ACCESS_TEAM_DOMAIN: sandbox.team.host,
      CF_ACCESS_HEADLESS: '1',
    });
    const { json } = await call('access_fetch', {
      url: sandbox.applications['service-auth'].url.href,
    });
    expect(json.error).toMatchObject({
      code: 'temporarily_unavailable',
      message: expect.stringContaining('clock'),
    });
    expect(sandbox.requests.some(({ headers }) => 'cf-access-client-id' in headers)).toBe(false);
  });

  it('is named where a token has expired on arrival and no Date showed it before, after one tab', async () => {
    const dateless = await startSandbox({
      applicationSessionSeconds: 600,
      fault: ({ host }) =>
        host === 'browser-login' ? { headers: { date: 'unknown' } } : undefined,
    });
    const { call, opened } = await start(2 * hour, {
      CF_ACCESS_TRANSFER_URL: dateless.transfer.origin,
    });
    const { url } = dateless.applications['browser-login'];
    const signingIn = call('authenticate', { url: url.href });
    const address = await eventually(async () => (await opened())[0]);
    await signInAs(address, dateless.people[0] ?? '');
    const { json } = await signingIn;
    await dateless.close();
    expect(json.error).toMatchObject({
      code: 'temporarily_unavailable',
      message: expect.stringMatching(/about 2 hours ahead of/),
      next_step: expect.stringContaining('doctor'),
    });
    expect(await opened()).toHaveLength(1);
  });

  it('takes nothing from a session that is kept, nor from the team’s other applications', async () => {
    const long = await startSandbox();
    const dataDir = await temporaryFolder();
    const environment = { CF_ACCESS_TRANSFER_URL: long.transfer.origin };
    const before = await startServer({ dataDir, environment });
    const first = long.applications['browser-login'].url.href;
    const signingIn = before.call('authenticate', { url: first });
    await signInAs(await eventually(async () => (await before.opened())[0]), long.people[0] ?? '');
    expect((await signingIn).json).toMatchObject({ status: 'authenticated' });
    await before.close();
    server = await startServer({ dataDir, environment: { ...environment, ...shifted(2 * hour) } });
    for (const name of ['browser-login', 'browser-login-second'] as const) {
      const { json } = await server.call('access_fetch', { url: long.applications[name].url.href });
      expect(json).toMatchObject({ status: 200, auth: 'cf_access_token' });
    }
    expect(await server.opened()).toEqual([]);
    await long.close();
    await rm(dataDir, { recursive: true });
  });

  it('does not matter where tokens are opaque', async () => {
    const { call, opened } = await start(-2 * hour);
    const { url } = sandbox.applications['managed-oauth'];
    const signingIn = call('authenticate', { url: url.href });
    const address = await eventually(async () => (await opened())[0]);
    await signInAs(address, sandbox.people[0] ?? '');
    expect((await signingIn).json).toMatchObject({ status: 'authenticated' });
    expect((await call('access_fetch', { url: url.href })).json).toMatchObject({ status: 200 });
  });

  it.each([
    ['behind', -2 * hour, /about 2 hours behind/],
    ['ahead', 2 * hour, /about 2 hours ahead of/],
  ])('%s is named by the command line', async (_, aheadMs, words) => {
    const program = await createProgram(shifted(aheadMs));
    try {
      for (const command of ['fetch', 'login', 'token']) {
        const { url } = sandbox.applications['browser-login'];
        const { code, stdout, stderr } = await program.run([command, url.href]);
        expect(code).not.toBe(0);
        expect(stdout).toBe('');
        expect(stderr).toMatch(words);
        expect(stderr).toContain('Set this machine’s clock');
      }
      expect(await program.opened()).toEqual([]);
    } finally {
      await program.remove();
    }
  });

  it('is measured by doctor, and by nothing else of it taken for a fault of the host', async () => {
    const program = await createProgram(shifted(-2 * hour));
    try {
      const { url } = sandbox.applications['browser-login'];
      const { code, stdout } = await program.run(['doctor', url.href]);
      expect(code).toBe(1);
      expect(stdout).toMatch(/✗ Clock +7(?:199|200|201) s behind the server’s/);
      expect(stdout).toMatch(/· Team +cannot be proven while the clock is wrong/);
      expect(await program.opened()).toEqual([]);
    } finally {
      await program.remove();
    }
  });

  it('may be a host’s own: one that is right keeps nobody from signing in there', async () => {
    const odd = await startSandbox({
      fault: ({ host }) =>
        host === 'browser-login'
          ? { headers: { date: new Date(Date.now() - 2 * hour).toUTCString() } }
          : undefined,
    });
    const { call } = await start(0, { CF_ACCESS_TRANSFER_URL: odd.transfer.origin });
    const { url } = odd.applications['browser-login'];
    const { json } = await call('authenticate', { url: url.href, wait_seconds: 0 });
    await odd.close();
    expect(json).toMatchObject({ status: 'pending' });
  });

  it('is not believed where the answer’s own date agrees: then the host is to blame', async () => {
    const odd = await startSandbox({
      fault: ({ host, headers }) =>
        host === 'browser-login' && 'cf-access-metadata-request' in headers
          ? { headers: { date: new Date(Date.now() - 2 * hour).toUTCString() } }
          : undefined,
    });
    const { call } = await start(-2 * hour);
    const { json } = await call('access_fetch', {
      url: odd.applications['browser-login'].url.href,
    });
    await odd.close();
    expect(json.error).toMatchObject({ code: 'untrusted_authorization_server' });
  });
});
