import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Sandbox, startSandbox } from '../../../src/sandbox/sandbox.ts';
import { obtainTokens } from '../oauth-client.ts';
import { rawRequest, readJson } from '../raw-request.ts';

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await startSandbox();
});
afterAll(() => sandbox.close());

const at = (path: string) => new URL(path, sandbox.applications.bypass.url);
const get = (path: string, init: RequestInit = {}) =>
  fetch(at(path), { redirect: 'manual', ...init });

test('the wiki is a page with a heading, a table and a link', async () => {
  const page = await (await get('/')).text();
  for (const part of ['<h1>Internal wiki</h1>', '<table>', '<a href="/wiki/handbook">']) {
    expect(page).toContain(part);
  }
});

test('the echo tells what reached the origin: the access token too (§3.4), but no forged identity', async () => {
  const { access_token } = await obtainTokens(sandbox);
  const headers = {
    authorization: `Bearer ${access_token}`,
    'cf-access-client-secret': 'a secret',
    'cf-access-authenticated-user-email': 'forged@example.com',
    'x-own': 'kept',
  };
  const url = (path: string) => new URL(path, sandbox.applications['managed-oauth'].url);
  const init = { method: 'POST', headers, body: 'the body' };
  const seen = await (await fetch(url('/echo?x=1'), init)).text();
  expect(JSON.parse(seen)).toMatchObject({
    method: 'POST',
    url: '/echo?x=1',
    headers: {
      authorization: `Bearer ${access_token}`,
      'x-own': 'kept',
      'cf-access-authenticated-user-email': 'ada@example.com',
    },
    body: 'the body',
  });
  expect(seen).not.toContain('a secret');
  const all = await (await fetch(url('/echo-all'), init)).text();
  expect(all).toContain(access_token);
  expect(all).toContain('a secret');
});

test('an Authorization of the application’s own passes', async () => {
  const headers = { authorization: 'Basic b3du' };
  const { headers: seen } = await readJson(await get('/echo', { headers }));
  expect(seen).toHaveProperty('authorization', 'Basic b3du');
});

test('statuses and redirects are as asked', async () => {
  for (const status of [200, 204, 304, 401, 404, 500, 503]) {
    expect((await get(`/status/${status}`)).status).toBe(status);
  }
  expect((await get('/status/99')).status).toBe(400);
  const redirect = await get('/redirect?to=https://other.example/&status=307');
  expect([redirect.status, redirect.headers.get('location')]).toEqual([
    307,
    'https://other.example/',
  ]);
});

test('bytes are counted and deterministic', async () => {
  const count = 251 * 256 + 10;
  const answer = await get(`/bytes/${count}`);
  expect(answer.headers.get('content-length')).toBe(String(count));
  const bytes = new Uint8Array(await answer.arrayBuffer());
  expect(bytes.length).toBe(count);
  expect(bytes.every((byte, index) => byte === index % 251)).toBe(true);
  expect((await get('/bytes/x')).status).toBe(400);
  expect((await rawRequest(at('/bytes/99999999999'), { method: 'HEAD' })).status).toBe(200);
});

test('the stream goes on, and ends with its reader', async () => {
  const answer = await get('/stream');
  expect(answer.headers.get('content-type')).toBe('text/event-stream');
  const reader = answer.body?.getReader();
  let read = '';
  while (!read.includes('tick 2')) read += Buffer.from((await reader?.read())?.value ?? []);
  await reader?.cancel();
});

test('the gzip bomb is small on the wire', async () => {
  const answer = await get('/gzip-bomb');
  expect(answer.headers.get('content-encoding')).toBe('gzip');
  const reader = answer.body?.getReader();
  const part = await reader?.read();
  expect(Buffer.from(part?.value ?? []).every((byte) => byte === 0x20)).toBe(true);
  await reader?.cancel();
});

test('the picture is a PNG, cookies come and go, and slow is slow', async () => {
  const picture = await get('/image.png');
  expect(picture.headers.get('content-type')).toBe('image/png');
  expect(
    Buffer.from(await picture.arrayBuffer())
      .subarray(1, 4)
      .toString(),
  ).toBe('PNG');
  expect((await get('/set-cookie?name=a&value=b%3B')).headers.get('set-cookie')).toBe(
    'a=b%3B; Path=/',
  );
  const cookies = await get('/cookies', { headers: { cookie: 'a=1; b=2' } });
  expect(await cookies.json()).toEqual({ a: '1', b: '2' });
  const started = performance.now();
  await get('/slow?ms=50');
  expect(performance.now() - started).toBeGreaterThan(45);
});
