import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Sandbox, startSandbox } from '../../../src/sandbox/sandbox.ts';
import { oauthUrl, postJson } from '../oauth-client.ts';
import { readJson } from '../raw-request.ts';

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await startSandbox();
});
afterAll(() => sandbox.close());

const register = (metadata: unknown, on = sandbox) =>
  postJson(oauthUrl(on, 'registration'), metadata);

test('answers 201 with a client_id and no secret for a public client (RFC 7591 §3.2.1)', async () => {
  const metadata = {
    redirect_uris: ['http://localhost:8400/callback'],
    token_endpoint_auth_method: 'none',
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
  };
  const answer = await register({ client_name: 'A test', application_type: 'native', ...metadata });
  expect(answer.status).toBe(201);
  expect(answer.headers.get('cache-control')).toBe('no-store');
  const information = await readJson(answer);
  expect(information).toMatchObject(metadata);
  expect(information.client_id).toMatch(/^[0-9a-f-]{36}$/);
  expect(information.registration_client_uri).toContain(information.client_id);
  expect(information.client_id_issued_at).toBeTypeOf('number');
  expect(information).not.toHaveProperty('client_secret');
});

test('gives a confidential client a secret; client_secret_basic is the default (RFC 7591 §2)', async () => {
  const answer = await register({ redirect_uris: ['http://localhost/cb'] });
  expect(await answer.json()).toMatchObject({
    token_endpoint_auth_method: 'client_secret_basic',
    client_secret: expect.any(String),
    client_secret_expires_at: 0,
  });
});

test('a registration cannot be deleted', async () => {
  const answer = await register({ redirect_uris: ['http://localhost/cb'] });
  const { registration_client_uri } = await readJson<Record<string, string>>(answer);
  expect((await fetch(String(registration_client_uri), { method: 'DELETE' })).status).toBe(405);
});

test('allows any port and path on the three loopback names', async () => {
  for (const uri of [
    'http://localhost:1/x',
    'http://127.0.0.1:65535/',
    'http://[::1]:8400/callback',
  ]) {
    expect((await register({ redirect_uris: [uri] })).status, uri).toBe(201);
  }
});

test('refuses other redirection URIs in the words captured live', async () => {
  for (const uri of [
    'https://localhost:8400/callback',
    'http://localhost.example.com/callback',
    'http://10.0.0.1/callback',
    'app:/callback',
  ]) {
    const answer = await register({ redirect_uris: [uri] });
    expect(answer.status, uri).toBe(400);
    expect(await answer.json()).toEqual({
      error: 'invalid_client_metadata',
      error_description: 'redirect_uri is not allowed by the account configuration',
    });
  }
  for (const uri of ['not a uri', 'http://localhost/#x', 'http://a:b@localhost/']) {
    expect((await register({ redirect_uris: [uri] })).status, uri).toBe(400);
  }
});

test('localhost and loopback clients have toggles of their own', async () => {
  const noLocalhost = await startSandbox({ allowLocalhostClients: false });
  const noLoopback = await startSandbox({ allowLoopbackClients: false });
  try {
    const localhost = { redirect_uris: ['http://localhost:8400/callback'] };
    const loopback = { redirect_uris: ['http://127.0.0.1:8400/callback'] };
    const refused = await register(localhost, noLocalhost);
    expect([refused.status, await refused.json()]).toEqual([
      400,
      { error: 'invalid_client_metadata' },
    ]);
    expect((await register(loopback, noLocalhost)).status).toBe(201);
    expect((await register(localhost, noLoopback)).status).toBe(201);
    expect((await register(loopback, noLoopback)).status).toBe(400);
    expect((await register({ redirect_uris: ['http://[::1]/'] }, noLoopback)).status).toBe(400);
  } finally {
    await Promise.all([noLocalhost.close(), noLoopback.close()]);
  }
});

test('refuses what is no client metadata', async () => {
  const redirect_uris = ['http://localhost/cb'];
  for (const metadata of [
    null,
    [],
    'x',
    {},
    { redirect_uris: [] },
    { redirect_uris: [1] },
    { redirect_uris, token_endpoint_auth_method: 'private_key_jwt' },
    { redirect_uris, response_types: ['token'] },
    { redirect_uris, grant_types: 'authorization_code' },
  ]) {
    const answer = await register(metadata);
    expect(answer.status, JSON.stringify(metadata)).toBe(400);
    expect((await readJson(answer)).error).toBe('invalid_client_metadata');
  }
  const url = oauthUrl(sandbox, 'registration');
  expect(
    (await fetch(url, { method: 'POST', body: '{"redirect_uris":["http://localhost/"]}' })).status,
  ).toBe(400);
  expect((await fetch(url)).status).toBe(405);
});
