import { createRemoteJWKSet, decodeProtectedHeader, jwtVerify } from 'jose';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ApplicationName } from '../../../src/sandbox/catalogue.ts';
import { type Sandbox, startSandbox } from '../../../src/sandbox/sandbox.ts';
import { rawRequest } from '../raw-request.ts';

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await startSandbox();
});
afterAll(() => sandbox.close());

const certs = () => new URL('/cdn-cgi/access/certs', sandbox.team);

async function ask(url: URL, method = 'HEAD') {
  const fields: [string, string][] = [['cf-access-metadata-request', 'true']];
  const answer = await rawRequest(url, { method, fields });
  const jwt = answer.headers['cf-access-metadata'];
  return { status: answer.status, jwt: jwt === undefined ? undefined : String(jwt) };
}

const statuses: [ApplicationName, string, number][] = [
  ['managed-oauth', '/', 401],
  ['managed-oauth-path', '/admin', 401],
  ['browser-login', '/', 302],
  ['service-auth', '/', 403],
  ['denied', '/', 403],
  ['bypass', '/', 200],
];

test.each(statuses)('%s%s: the answer is signed by the team (§6)', async (name, path, status) => {
  const { url, audience } = sandbox.applications[name];
  const answer = await ask(new URL(path, url));
  expect(answer.status).toBe(status);
  const keys = createRemoteJWKSet(certs());
  const { payload } = await jwtVerify(answer.jwt ?? '', keys, { algorithms: ['RS256'] });
  expect(payload).toEqual({
    type: 'match',
    hostname: url.host,
    auth_domain: sandbox.team.host,
    aud: audience,
    app_hostname: url.host + (path === '/' ? '' : path),
    iat: expect.any(Number),
  });
  expect(Math.abs((payload.iat ?? 0) - Date.now() / 1000)).toBeLessThan(5);
});

test('names the host as it was asked', async () => {
  const url = new URL(sandbox.applications['managed-oauth'].url);
  url.hostname = '127.0.0.1';
  const { jwt } = await ask(url);
  const { payload } = await jwtVerify(jwt ?? '', createRemoteJWKSet(certs()));
  expect(payload.hostname).toBe(url.host);
});

test('comes only for HEAD, and only where an application is', async () => {
  const { applications } = sandbox;
  expect((await ask(applications['managed-oauth'].url, 'GET')).jwt).toBeUndefined();
  expect((await ask(applications['managed-oauth-path'].url)).jwt).toBeUndefined();
  expect((await ask(applications['no-application'].url)).jwt).toBeUndefined();
  expect((await ask(applications['tunnel-down'].url)).jwt).toBeUndefined();
  const plain = await rawRequest(applications['managed-oauth'].url, { method: 'HEAD' });
  expect(plain.headers).not.toHaveProperty('cf-access-metadata');
});

test('after a rotation the new key signs, and the one before is still published', async () => {
  const { url } = sandbox.applications['managed-oauth'];
  const before = (await ask(url)).jwt ?? '';
  sandbox.rotateKeys();
  const after = (await ask(url)).jwt ?? '';
  expect(decodeProtectedHeader(after).kid).not.toBe(decodeProtectedHeader(before).kid);
  const keys = createRemoteJWKSet(certs());
  await jwtVerify(before, keys);
  await jwtVerify(after, keys);
});
