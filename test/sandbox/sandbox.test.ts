import { readdir, readFile } from 'node:fs/promises';
import { afterEach, expect, test } from 'vitest';
import type { Fault } from '../../src/sandbox/fault.ts';
import type { SandboxOptions } from '../../src/sandbox/options.ts';
import { type Sandbox, startSandbox } from '../../src/sandbox/sandbox.ts';
import { obtainTokens, refresh, statusWith, type TokenAnswer } from './oauth-client.ts';
import { rawRequest, readJson } from './raw-request.ts';

const running: Sandbox[] = [];
async function start(options?: SandboxOptions): Promise<Sandbox> {
  const sandbox = await startSandbox(options);
  running.push(sandbox);
  return sandbox;
}
afterEach(async () => {
  await Promise.all(running.splice(0).map((one) => one.close()));
});

test('shares no code with the client: it imports only Node, its own files and a cipher', async () => {
  const folder = new URL('../../src/sandbox/', import.meta.url);
  for (const name of await readdir(folder)) {
    const source = await readFile(new URL(name, folder), 'utf8');
    for (const [, from] of source.matchAll(/(?:from|import\()\s*'([^']+)'/g)) {
      expect(from, name).toMatch(/^(node:[a-z/]+|\.\/[a-z-]+\.ts|@noble\/ciphers\/salsa\.js)$/);
    }
  }
});

test('every host answers on 127.0.0.1 and on ::1', async () => {
  const sandbox = await start();
  const urls = [
    sandbox.team,
    sandbox.transfer,
    ...Object.values(sandbox.applications).map((a) => a.url),
  ];
  for (const url of urls) {
    const addresses = ['127.0.0.1', '::1'];
    const [four, six] = await Promise.all(addresses.map((address) => rawRequest(url, { address })));
    expect(four?.status).toBe(six?.status);
  }
});

test('a name that somebody pointed at loopback is refused', async () => {
  const sandbox = await start();
  const { url } = sandbox.applications.bypass;
  for (const host of [`evil.example:${url.port}`, 'localhost', 'localhost:1', '']) {
    const answer = await rawRequest(url, { fields: [['host', host]] });
    expect([answer.status, answer.body], host).toEqual([403, 'error code: 1003']);
  }
  for (const host of [`127.0.0.1:${url.port}`, `[::1]:${url.port}`, `LOCALHOST:${url.port}`]) {
    expect((await rawRequest(url, { fields: [['host', host]] })).status, host).toBe(200);
  }
});

test('takes the team’s port when it is free, and says so when it is not', async () => {
  const first = await start();
  const port = Number(first.team.port);
  await expect(startSandbox({ port })).rejects.toMatchObject({ code: 'EADDRINUSE' });
  await first.close();
  expect(Number((await start({ port })).team.port)).toBe(port);
});

test('closes at once, whatever is still under way', async () => {
  const sandbox = await start();
  const name = `${'A'.repeat(43)}=`;
  const held = fetch(`${sandbox.transfer.origin}/transfer/${name}`).catch(() => 'cut');
  const stream = await fetch(new URL('/stream', sandbox.applications.bypass.url));
  await expect.poll(() => sandbox.requests.length).toBe(2);
  const started = performance.now();
  await sandbox.close();
  expect(performance.now() - started).toBeLessThan(500);
  expect(await held).toBe('cut');
  await expect(stream.text()).rejects.toThrow();
});

test('the log has every request with its label, header and answer', async () => {
  const sandbox = await start();
  const tokens = await obtainTokens(sandbox);
  await statusWith(sandbox, tokens.access_token);
  await statusWith(sandbox, 'oauth:wrong');
  expect(sandbox.requests.map(({ host, what, answered }) => `${host} ${what} ${answered}`)).toEqual(
    [
      'team registration 201',
      'team authorization 200',
      'team login_submission 302',
      'team token:authorization_code 200',
      'managed-oauth origin 200',
      'managed-oauth challenge 401',
    ],
  );
  expect(sandbox.requests[3]?.body).toContain('code_verifier=');
  expect(sandbox.requests[4]?.headers.authorization).toBe(`Bearer ${tokens.access_token}`);
  const { url } = sandbox.applications.bypass;
  const twice: [string, string][] = [
    ['X-Twice', '1'],
    ['x-twice', '2'],
  ];
  sandbox.clearRequests();
  await rawRequest(url, { fields: twice });
  expect(sandbox.requests).toHaveLength(1);
  expect(sandbox.requests[0]?.headers['x-twice']).toEqual(['1', '2']);
});

test('a fault answers instead of the work, or after it', async () => {
  let fault: Fault | undefined;
  const sandbox = await start({
    fault: ({ what }) => (what === 'token:refresh_token' ? fault : undefined),
  });
  const tokens = await obtainTokens(sandbox);
  fault = { status: 503, headers: { 'Retry-After': '1' } };
  const unavailable = await refresh(sandbox, tokens);
  expect([unavailable.status, unavailable.headers.get('retry-after')]).toEqual([503, '1']);
  fault = undefined;
  const next = { ...tokens, ...(await readJson<TokenAnswer>(await refresh(sandbox, tokens))) };
  fault = { reset: true, afterWork: true };
  await expect(refresh(sandbox, next)).rejects.toThrow();
  fault = undefined;
  expect((await refresh(sandbox, next)).status).toBe(400);
  expect(sandbox.requests.at(-1)?.note).toBe('refresh_token_reuse');
});

test('a fault cuts, delays, or changes parts of the real answer', async () => {
  const sandbox = await start({
    fault: ({ url }) => {
      if (url === '/echo?reset') return { reset: true };
      if (url === '/echo?slow') return { delayMs: 60 };
      if (url === '/echo?fields') return { headers: { 'Content-Type': 'text/html' } };
      if (url === '/bytes/9') return { body: 'other' };
      if (url === '/echo?throw') throw new Error('a defect');
      return undefined;
    },
  });
  const get = (path: string) => fetch(new URL(path, sandbox.applications.bypass.url));
  await expect(get('/echo?reset')).rejects.toThrow();
  const started = performance.now();
  expect((await get('/echo?slow')).status).toBe(200);
  expect(performance.now() - started).toBeGreaterThan(55);
  const fields = await get('/echo?fields');
  expect([fields.status, fields.headers.get('content-type')]).toEqual([200, 'text/html']);
  expect(await (await get('/bytes/9')).text()).toBe('other');
  const defect = await get('/echo?throw');
  expect([defect.status, await defect.text()]).toEqual([500, expect.stringContaining('a defect')]);
});

test('latency is added to every answer', async () => {
  const sandbox = await start({ latencyMs: 40 });
  const started = performance.now();
  await fetch(sandbox.applications.bypass.url);
  expect(performance.now() - started).toBeGreaterThan(35);
});

test('refuses a body of more than 16 MiB', async () => {
  const sandbox = await start();
  const url = new URL('/status/200', sandbox.applications.bypass.url);
  const send = (size: number) => fetch(url, { method: 'POST', body: Buffer.alloc(size) });
  expect((await send(1024 * 1024)).status).toBe(200);
  expect((await send(16 * 1024 * 1024 + 1)).status).toBe(413);
});
