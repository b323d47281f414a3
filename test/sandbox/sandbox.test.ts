import { readdir, readFile } from 'node:fs/promises';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { SandboxOptions } from '../../src/sandbox/options.ts';
import { type Sandbox, startSandbox } from '../../src/sandbox/sandbox.ts';
import type { Fault, FaultHook } from '../../src/sandbox/server/fault.ts';
import { obtainTokens, refresh, statusWith, type TokenAnswer } from './oauth-client.ts';
import { rawRequest, readJson } from './raw-request.ts';

let sandbox: Sandbox;
let fault: FaultHook | undefined;
beforeAll(async () => {
  sandbox = await startSandbox({ fault: (request) => fault?.(request) });
});
afterEach(() => {
  fault = undefined;
  sandbox.clearRequests();
});
afterAll(() => sandbox.close());

async function within<T>(
  options: SandboxOptions,
  work: (other: Sandbox) => Promise<T>,
): Promise<T> {
  const other = await startSandbox(options);
  try {
    return await work(other);
  } finally {
    await other.close();
  }
}

test('shares no code with the client: it imports only Node, its own files and a cipher', async () => {
  const folder = new URL('../../src/sandbox/', import.meta.url);
  const names = await readdir(folder, { recursive: true });
  for (const name of names.filter((each) => each.endsWith('.ts'))) {
    const source = await readFile(new URL(name, folder), 'utf8');
    for (const [, from] of source.matchAll(/(?:from|import\()\s*'([^']+)'/g)) {
      expect(from, name).toMatch(
        /^(?:node:[a-z/]+|\.{1,2}\/[a-z/-]+\.ts|@noble\/ciphers\/salsa\.js)$/,
      );
      if (from?.startsWith('.')) {
        const { href } = new URL(from, new URL(name, folder));
        expect(href.startsWith(folder.href), `${name} imports ${from}`).toBe(true);
      }
    }
  }
});

test('every host answers on 127.0.0.1 and on ::1', async () => {
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
  const taken = Number(sandbox.team.port);
  await expect(startSandbox({ port: taken })).rejects.toMatchObject({ code: 'EADDRINUSE' });
  const port = await within({}, async (other) => Number(other.team.port));
  await within({ port }, async (other) => expect(other.team.port).toBe(String(port)));
});

test('closes at once, whatever is still under way', () =>
  within({}, async (other) => {
    const name = `${'A'.repeat(43)}=`;
    const held = fetch(`${other.transfer.origin}/transfer/${name}`).catch(() => 'cut');
    const stream = await fetch(new URL('/stream', other.applications.bypass.url));
    await expect.poll(() => other.requests.length).toBe(2);
    const started = performance.now();
    await other.close();
    expect(performance.now() - started).toBeLessThan(2_000);
    expect(await held).toBe('cut');
    await expect(stream.text()).rejects.toThrow();
  }));

test('the log has every request with its label, header and answer', async () => {
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
  const atRefresh = (one: Fault): FaultHook => {
    return ({ what }) => (what === 'token:refresh_token' ? one : undefined);
  };
  const tokens = await obtainTokens(sandbox);
  fault = atRefresh({ status: 503, headers: { 'Retry-After': '1' } });
  const unavailable = await refresh(sandbox, tokens);
  expect([unavailable.status, unavailable.headers.get('retry-after')]).toEqual([503, '1']);
  fault = undefined;
  const next = { ...tokens, ...(await readJson<TokenAnswer>(await refresh(sandbox, tokens))) };
  fault = atRefresh({ reset: true, afterWork: true });
  await expect(refresh(sandbox, next)).rejects.toThrow();
  fault = undefined;
  expect((await refresh(sandbox, next)).status).toBe(400);
  expect(sandbox.requests.at(-1)?.note).toBe('refresh_token_reuse');
});

test('a fault cuts, delays, or changes parts of the real answer', async () => {
  const get = (path: string, one: FaultHook) => {
    fault = one;
    return fetch(new URL(path, sandbox.applications.bypass.url));
  };
  await expect(get('/echo', () => ({ reset: true }))).rejects.toThrow();
  const started = performance.now();
  expect((await get('/echo', () => ({ delayMs: 60 }))).status).toBe(200);
  expect(performance.now() - started).toBeGreaterThan(55);
  const fields = await get('/echo', () => ({ headers: { 'Content-Type': 'text/html' } }));
  expect([fields.status, fields.headers.get('content-type')]).toEqual([200, 'text/html']);
  const body = await get('/bytes/9', () => ({ body: 'other' }));
  expect([body.status, await body.text()]).toEqual([200, 'other']);
  const defect = await get('/echo', () => {
    throw new Error('a defect');
  });
  expect([defect.status, await defect.text()]).toEqual([500, expect.stringContaining('a defect')]);
});

test('latency is added to every answer', () =>
  within({ latencyMs: 40 }, async (other) => {
    const started = performance.now();
    await fetch(other.applications.bypass.url);
    expect(performance.now() - started).toBeGreaterThan(35);
  }));

test('refuses a body of more than 16 MiB', async () => {
  const url = new URL('/status/200', sandbox.applications.bypass.url);
  const send = (size: number) => fetch(url, { method: 'POST', body: Buffer.alloc(size) });
  expect((await send(1024 * 1024)).status).toBe(200);
  expect((await send(16 * 1024 * 1024 + 1)).status).toBe(413);
});
