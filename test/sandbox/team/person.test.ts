import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Sandbox, startSandbox } from '../../../src/sandbox/sandbox.ts';
import { decline, signInAs } from '../../../src/sandbox/team/person.ts';
import { authorizationUrl, newVerifier, register } from '../oauth-client.ts';

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await startSandbox();
});
afterAll(() => sandbox.close());

test('ends at the page behind the login', async () => {
  const { url } = sandbox.applications['browser-login'];
  const visited = await signInAs(new URL('/wiki/handbook?x=1', url), 'grace@example.com');
  expect(visited.url.href).toBe(`${url.origin}/wiki/handbook?x=1`);
  expect(visited.status).toBe(200);
  expect(visited.page).toContain('You are grace@example.com.');
});

test('loads the client’s callback, and tells its address when nothing listens there', async () => {
  const listener = createServer((_, response) => response.end('callback page'));
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  const { port } = listener.address() as AddressInfo;
  const redirect_uri = `http://127.0.0.1:${port}/callback`;
  const { client_id } = await register(sandbox, { redirect_uris: [redirect_uri] });
  const url = authorizationUrl(sandbox, client_id, newVerifier().challenge, { redirect_uri });
  const visited = await signInAs(url, 'ada@example.com');
  expect(visited).toMatchObject({ status: 200, page: 'callback page' });
  listener.closeAllConnections();
  await new Promise((resolve) => listener.close(resolve));
  const alone = await signInAs(url, 'ada@example.com');
  expect(alone.status).toBeUndefined();
  expect(alone.url.origin + alone.url.pathname).toBe(redirect_uri);
  expect(alone.url.searchParams.get('code')).toBeTruthy();
});

test('does not press a button that is not there', async () => {
  const { url } = sandbox.applications['browser-login'];
  await expect(signInAs(url, 'eve@example.com')).rejects.toThrow(/no button for eve/);
});

test('can decline', async () => {
  const visited = await signInAs(sandbox.applications['browser-login'].url, decline);
  expect([visited.status, visited.url.origin]).toEqual([403, sandbox.team.origin]);
});

test('is remembered by the team when the browser keeps its cookies', async () => {
  const cookies = new Map();
  await signInAs(sandbox.applications['browser-login'].url, 'ada@example.com', { cookies });
  sandbox.clearRequests();
  const second = sandbox.applications['browser-login-second'].url;
  const visited = await signInAs(second, 'grace@example.com', { cookies });
  expect(visited.page).toContain('You are ada@example.com.');
  expect(sandbox.requests.some(({ what }) => what === 'login_submission')).toBe(false);
});
