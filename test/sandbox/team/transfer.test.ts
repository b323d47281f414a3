import { generateKeyPairSync } from 'node:crypto';
import { decodeJwt } from 'jose';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Sandbox, startSandbox } from '../../../src/sandbox/sandbox.ts';
import { signInAs } from '../../../src/sandbox/team/person.ts';
import { openBox } from '../nacl.ts';
import { rawRequest } from '../raw-request.ts';

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await startSandbox({ transferHoldMs: 300 });
});
afterAll(() => sandbox.close());

function newKeys() {
  const { privateKey, publicKey } = generateKeyPairSync('x25519');
  const raw = (key: unknown) => Buffer.from(String(key), 'base64url');
  const secret = raw(privateKey.export({ format: 'jwk' }).d);
  // base64url with its padding, as cloudflared writes it
  const name = `${publicKey.export({ format: 'jwk' }).x}=`;
  return { secret, name };
}

function cliUrl(name: string, changes: Record<string, string> = {}): URL {
  const { url, audience } = sandbox.applications['browser-login'];
  const cli = new URL('/cdn-cgi/access/cli', url);
  cli.search = new URLSearchParams({
    aud: audience,
    edge_token_transfer: 'true',
    redirect_url: `${url.href}?aud=${audience}&token=${encodeURIComponent(name)}`,
    send_org_token: 'true',
    token: name,
    ...changes,
  }).toString();
  return cli;
}

// Not through URL: the real one gets a raw `=`.
const poll = (name: string) => fetch(`${sandbox.transfer.origin}/transfer/${name}`);

async function open(answer: Response, secret: Buffer): Promise<Record<string, string>> {
  const sealed = Buffer.from(await answer.text(), 'base64');
  const sender = answer.headers.get('service-public-key') ?? '';
  expect(sender).toMatch(/^[A-Za-z0-9_-]{43}=$/);
  const senderKey = Buffer.from(sender, 'base64url');
  return JSON.parse(
    openBox(sealed.subarray(24), sealed.subarray(0, 24), senderKey, secret).toString(),
  );
}

test('a poll that waits gets the tokens, sealed for its key (cloudflare-access.md §5.4)', async () => {
  const { secret, name } = newKeys();
  const waiting = poll(name);
  const visited = await signInAs(cliUrl(name), 'ada@example.com');
  expect([visited.status, visited.page]).toEqual([200, expect.stringContaining('Success')]);
  const answer = await waiting;
  expect(answer.status).toBe(200);
  const tokens = await open(answer, secret);
  expect(Object.keys(tokens)).toEqual(['app_token', 'org_token']);
  const { audience, url } = sandbox.applications['browser-login'];
  expect(decodeJwt(tokens.app_token ?? '')).toMatchObject({
    aud: [audience],
    email: 'ada@example.com',
    iss: sandbox.team.origin,
    type: 'app',
  });
  expect(decodeJwt(tokens.org_token ?? '')).toMatchObject({
    type: 'org',
    email: 'ada@example.com',
  });
  const headers = { 'cf-access-token': tokens.app_token ?? '' };
  expect((await fetch(url, { headers, redirect: 'manual' })).status).toBe(200);
});

test('what came before the poll is kept, and handed out once', async () => {
  const { secret, name } = newKeys();
  await signInAs(cliUrl(name, { send_org_token: 'false' }), 'ada@example.com');
  const tokens = await open(await poll(name.replace('=', '%3D')), secret);
  expect(Object.keys(tokens)).toEqual(['app_token']);
  const again = await poll(name);
  expect([again.status, await again.text()]).toEqual([404, '']);
});

test('a poll is held, then told: not yet', async () => {
  const started = performance.now();
  const answer = await poll(newKeys().name);
  expect([answer.status, await answer.text()]).toEqual([404, '']);
  expect(performance.now() - started).toBeGreaterThan(280);
});

test('a poller that hung up takes nothing with it', async () => {
  const { secret, name } = newKeys();
  const hangUp = new AbortController();
  const url = `${sandbox.transfer.origin}/transfer/${name}`;
  const waiting = fetch(url, { signal: hangUp.signal }).catch(() => undefined);
  await expect
    .poll(() => sandbox.requests.some((one) => one.url.endsWith(name)), { interval: 5 })
    .toBe(true);
  hangUp.abort();
  await waiting;
  await signInAs(cliUrl(name), 'ada@example.com');
  expect(await open(await poll(name), secret)).toHaveProperty('app_token');
});

test('tokens go only where the address is whole, and only for this application', async () => {
  const { name } = newKeys();
  for (const changes of [
    { aud: sandbox.applications['browser-login-second'].audience },
    { edge_token_transfer: 'false' },
    { redirect_url: 'nowhere' },
    { token: name.slice(0, -1) },
    { token: 'short=' },
  ]) {
    const visited = await signInAs(cliUrl(name, changes), 'ada@example.com');
    expect(visited.status, JSON.stringify(changes)).toBe(400);
  }
  const refused = await signInAs(cliUrl(name), sandbox.refusedPerson);
  expect(refused.status).toBe(403);
  expect((await poll(name)).status).toBe(404);
});

test('other addresses and methods are not the transfer service’s', async () => {
  const { name } = newKeys();
  const at = (path: string, method = 'GET') =>
    rawRequest(`${sandbox.transfer.origin}${path}`, { method });
  expect((await at('/transfer/x')).status).toBe(404);
  expect((await at(`/transfer/${name}`, 'POST')).status).toBe(405);
  expect((await at('/')).status).toBe(404);
});
