/** `headers`, as a host's helper is run (contract §6): what is on stdout, and how soon. */
import { createServer, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { type Sandbox, startSandbox } from '../../src/sandbox/sandbox.ts';
import { createProgram, type Program } from './program.ts';

let sandbox: Sandbox;
let program: Program;
let wiki: string;
let dashboard: string;

beforeEach(async () => {
  // Shorter than what `headers` wants: each is refreshed.
  sandbox = await startSandbox({ accessTokenSeconds: 30 });
  program = await createProgram({ CF_ACCESS_TRANSFER_URL: sandbox.transfer.origin });
  wiki = sandbox.applications['managed-oauth'].url.href;
  dashboard = sandbox.applications['browser-login'].url.href;
});
afterEach(async () => {
  await program.remove();
  await sandbox.close();
});

async function login(url: string): Promise<void> {
  const running = program.start(['login', url]);
  await program.signIn(sandbox.people[0] ?? '');
  expect((await running.ended).code).toBe(0);
}

async function getsThrough(url: string, stdout: string): Promise<boolean> {
  const fields = JSON.parse(stdout) as Record<string, string>;
  return (await fetch(url, { headers: fields, redirect: 'manual' })).status === 200;
}

describe('the fields', () => {
  it('are a Bearer token for Managed OAuth, refreshed where it would not last', async () => {
    await login(wiki);
    const { code, stdout } = await program.run(['headers', wiki]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^\{"Authorization":"Bearer oauth:[^"]+"\}\n$/);
    expect(await getsThrough(wiki, stdout)).toBe(true);
    const refreshes = sandbox.requests.filter(({ what }) => what.startsWith('token:refresh'));
    expect(refreshes.length).toBe(1);
    // All that Codex leaves of the environment, and what finds the data folder.
    const codex = { LANG: 'C', SHELL: '/bin/sh', TERM: 'dumb' };
    const again = await program.run(['headers', wiki], { environment: codex });
    expect(await getsThrough(wiki, again.stdout)).toBe(true);
  });

  it('are another token where Access refuses the kept one, and none where a person is needed', async () => {
    const lasting = await startSandbox();
    onTestFinished(() => lasting.close());
    const { href } = lasting.applications['managed-oauth'].url;
    await login(href);
    const first = await program.run(['headers', href]);
    lasting.expireAccessTokens();
    const second = await program.run(['headers', href]);
    expect(second.stdout).not.toBe(first.stdout);
    expect(await getsThrough(href, second.stdout)).toBe(true);
    lasting.revokeTokens();
    const third = await program.run(['headers', href]);
    expect(third).toMatchObject({ code: 1, stdout: '' });
    expect(third.stderr).toContain(`cloudflare-access-mcp login ${href}`);
  });

  it('are the new token also where the refresh of a refused one is slow', async () => {
    const slow = await startSandbox({
      fault: ({ url }) => (url.endsWith('/oauth/token') ? { delayMs: 3_500 } : undefined),
    });
    onTestFinished(() => slow.close());
    const { href } = slow.applications['managed-oauth'].url;
    await login(href);
    slow.expireAccessTokens();
    const { stdout } = await program.run(['headers', href]);
    expect(await getsThrough(href, stdout)).toBe(true);
  });

  it.each([
    { state: 'fails', delayMs: 0 },
    { state: 'is slow', delayMs: 5_000 },
  ])('are the kept ones where the application $state', async ({ delayMs }) => {
    let isWell = true;
    const ailing = await startSandbox({ fault: () => (isWell ? undefined : { delayMs }) });
    onTestFinished(() => ailing.close());
    const { href } = ailing.applications['managed-oauth'].url;
    await login(href);
    if (delayMs === 0) await ailing.close();
    isWell = false;
    const { code, stdout } = await program.run(['headers', href]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^\{"Authorization":"Bearer oauth:/);
  });

  it('are the application’s token where there is a login page', async () => {
    await login(dashboard);
    const { stdout } = await program.run(['headers'], {
      environment: { CLAUDE_CODE_MCP_SERVER_URL: dashboard },
    });
    expect(stdout).toMatch(/^\{"cf-access-token":"eyJ[^"]+"\}\n$/);
    expect(await getsThrough(dashboard, stdout)).toBe(true);
  });

  it('are none for a URL that asks for nothing', async () => {
    const { href } = sandbox.applications.bypass.url;
    expect(await program.run(['headers', href])).toMatchObject({ code: 0, stdout: '{}\n' });
    expect(await program.run(['headers', '--service-token', href])).toMatchObject({
      code: 0,
      stdout: '{}\n',
    });
  });

  it('are the service token’s pair with --service-token, where it may go and no limit forbids it', async () => {
    const { href } = sandbox.applications['strict-service-auth'].url;
    const { clientId, clientSecret } = sandbox.serviceToken;
    const environment = { CF_ACCESS_CLIENT_ID: clientId, CF_ACCESS_CLIENT_SECRET: clientSecret };
    const given = await program.run(['headers', '--service-token', href], { environment });
    expect(given.json).toEqual({
      'CF-Access-Client-Id': clientId,
      'CF-Access-Client-Secret': clientSecret,
    });
    for (const [limit, code] of [
      [{ CF_ACCESS_READ_ONLY: '1' }, 1],
      [{ CF_ACCESS_ALLOWED_HOSTS: 'elsewhere.example' }, 1],
      [{ CF_ACCESS_HOSTS: 'elsewhere.example' }, 1],
    ] as const) {
      sandbox.clearRequests();
      const refused = await program.run(['headers', '--service-token', href], {
        environment: { ...environment, ...limit },
      });
      expect(refused).toMatchObject({ code, stdout: '' });
      expect(refused.stderr).not.toContain(clientSecret);
      expect(JSON.stringify(sandbox.requests)).not.toContain(clientSecret);
    }
    const without = await program.run(['headers', href], { environment });
    expect(without).toMatchObject({ code: 1, stdout: '' });
    expect(without.stderr).not.toContain(clientSecret);
  });
});

describe('where a person is needed', () => {
  it('nobody is asked: an empty stdout, and the next step on stderr', async () => {
    const { code, stdout, stderr } = await program.run(['headers', wiki]);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toContain(`cloudflare-access-mcp login ${wiki}`);
    expect(await program.opened()).toEqual([]);
  });

  it('--sign-in opens the browser, and the fields come when it is done in time', async () => {
    const running = program.start(['headers', '--sign-in', wiki]);
    await program.signIn(sandbox.people[0] ?? '');
    const { code, stdout } = await running.ended;
    expect(code).toBe(0);
    expect(await getsThrough(wiki, stdout)).toBe(true);
  });
});

describe('what cannot be', () => {
  it('no URL at all', async () => {
    const { code, stdout, stderr } = await program.run(['headers']);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain('CLAUDE_CODE_MCP_SERVER_URL');
  });

  it.each(['ftp://files.example', 'http://app.example', 'http://[', ''])('%j', async (text) => {
    expect(await program.run(['headers', text])).toMatchObject({ code: 2, stdout: '' });
  });
});

describe('within ten seconds', () => {
  it('it has ended, though nobody answers, or the person does not', async () => {
    const held: Socket[] = [];
    const silent = createServer((socket) => void held.push(socket.on('error', () => {})));
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const { port } = silent.address() as { port: number };
    const began = performance.now();
    const [quiet, unsigned] = await Promise.all([
      program.run(['headers', `http://127.0.0.1:${port}/`]),
      program.run(['headers', '--sign-in', wiki]),
    ]);
    expect(performance.now() - began).toBeLessThan(10_000);
    expect(quiet).toMatchObject({ code: 1, stdout: '' });
    expect(quiet.stderr).toMatch(/has not answered in time/);
    expect(unsigned).toMatchObject({ code: 1, stdout: '' });
    expect(unsigned.stderr).toContain((await program.opened())[0]);
    expect(unsigned.stderr).toContain(`cloudflare-access-mcp login ${wiki}`);
    for (const socket of held) socket.destroy();
    silent.close();
  });
});
