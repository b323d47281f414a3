/** A hundred calls at once to five hosts: every answer is the right one, no credential goes astray. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type Sandbox, startSandbox } from '../../src/sandbox/sandbox.ts';
import { signInAs } from '../../src/sandbox/team/person.ts';
import { credentialsIn, startEvilHost } from '../support/evil-host.ts';
import { eventually, startServer, type TestServer } from '../support/mcp-server.ts';

let sandbox: Sandbox;
let server: TestServer;

beforeEach(async () => {
  sandbox = await startSandbox();
  const { clientId, clientSecret } = sandbox.serviceToken;
  server = await startServer({
    environment: {
      CF_ACCESS_CLIENT_ID: clientId,
      CF_ACCESS_CLIENT_SECRET: clientSecret,
      CF_ACCESS_TRANSFER_URL: sandbox.transfer.href,
    },
  });
});
afterEach(async () => {
  await server.close();
  await sandbox.close();
});

it('each carries the credential of its own host, or none (contract §4.2)', async () => {
  const plain = await startEvilHost(() => ({ status: 200, body: 'open' }));
  const other = await startEvilHost(() => ({ status: 200, body: 'open too' }));
  const { applications } = sandbox;
  const signIn = async (url: URL, tabs: number) => {
    const call = server.call('authenticate', { url: url.href });
    const opened = await eventually(async () => (await server.opened())[tabs]);
    await signInAs(opened, sandbox.people[0] ?? '');
    expect((await call).json).toMatchObject({ status: 'authenticated' });
  };
  await signIn(applications['managed-oauth'].url, 0);
  await signIn(applications['browser-login'].url, 1);
  sandbox.clearRequests();

  const hosts = [
    { url: applications['managed-oauth'].url, auth: 'oauth' },
    { url: applications['browser-login'].url, auth: 'cf_access_token' },
    { url: applications['service-auth'].url, auth: 'service_token' },
    { url: plain.url, auth: 'none' },
    { url: other.url, auth: 'none' },
  ];
  const calls = Array.from({ length: 100 }, (_, at) => hosts[at % hosts.length] ?? hosts[0]);
  const answers = await Promise.all(
    calls.map((host, at) =>
      server.call('access_fetch', { url: new URL(`/echo?call=${at}`, host?.url).href }),
    ),
  );

  for (const [at, answer] of answers.entries()) {
    expect(answer.json).toMatchObject({ status: 200, auth: calls[at]?.auth });
    expect(answer.json.url).toContain(`call=${at}`);
    expect(answer.body).toContain(calls[at]?.auth === 'none' ? 'open' : `call=${at}`);
  }
  for (const request of [...plain.reached, ...other.reached]) {
    expect(credentialsIn(request)).toEqual([]);
  }
  expect([plain.reached.length, other.reached.length]).toEqual([20, 20]);
  const seen = (name: keyof typeof applications) =>
    sandbox.requests.filter(({ host, what }) => host === name && what === 'origin');
  for (const { headers } of seen('managed-oauth')) {
    expect(headers.authorization).toMatch(/^Bearer oauth:/);
    expect(headers['cf-access-token'] ?? headers['cf-access-client-secret']).toBeUndefined();
  }
  for (const { headers } of seen('browser-login')) {
    expect(headers['cf-access-token']).toMatch(/^eyJ/);
    expect(headers.authorization ?? headers['cf-access-client-secret']).toBeUndefined();
  }
  for (const { headers } of seen('service-auth')) {
    expect(headers['cf-access-client-secret']).toBe(sandbox.serviceToken.clientSecret);
    expect(headers.authorization ?? headers['cf-access-token']).toBeUndefined();
  }
  expect(seen('managed-oauth')).toHaveLength(20);
  expect(seen('browser-login')).toHaveLength(20);
  expect(seen('service-auth')).toHaveLength(20);
  expect(new Set(seen('managed-oauth').map(({ headers }) => headers.authorization)).size).toBe(1);
  await plain.close();
  await other.close();
});
