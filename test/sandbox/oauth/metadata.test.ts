import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ApplicationName } from '../../../src/sandbox/catalogue.ts';
import { type Sandbox, startSandbox } from '../../../src/sandbox/sandbox.ts';
import { readJson } from '../raw-request.ts';

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await startSandbox();
});
afterAll(() => sandbox.close());

const at = (name: ApplicationName, path: string) =>
  fetch(new URL(path, sandbox.applications[name].url), { redirect: 'manual' });

test('the resource metadata of an application is at every address it may have (RFC 9728 §3.1)', async () => {
  for (const name of ['managed-oauth', 'browser-login', 'service-auth-or-login'] as const) {
    const { url } = sandbox.applications[name];
    for (const path of [
      '/.well-known/cloudflare-access-protected-resource',
      '/.well-known/cloudflare-access-protected-resource/',
      '/.well-known/cloudflare-access-protected-resource/a/b',
      '/.well-known/oauth-protected-resource',
      '/.well-known/oauth-protected-resource/a',
    ]) {
      const answer = await at(name, path);
      // RFC 9728's own address is guarded like the rest where Managed OAuth is off.
      if (name !== 'managed-oauth' && path.includes('/oauth-')) {
        expect(answer.status).toBe(302);
        continue;
      }
      expect(answer.status).toBe(200);
      expect(answer.headers.get('content-type')).toBe('application/json');
      const metadata = await readJson(answer);
      expect(Object.keys(metadata)).toEqual([
        'resource',
        'protected',
        'team_domain',
        'authorization_servers',
        'authentication_method',
        'authentication_method_description',
        'authentication_method_documentation',
      ]);
      expect(metadata).toMatchObject({
        resource: url.origin,
        protected: true,
        team_domain: sandbox.team.host,
        authorization_servers: [sandbox.team.origin],
        authentication_method: 'cloudflared',
      });
    }
  }
});

test('an application under a path describes that path alone', async () => {
  const { url } = sandbox.applications['managed-oauth-path'];
  const answer = await at('managed-oauth-path', '/.well-known/oauth-protected-resource/admin/x');
  expect((await readJson(answer)).resource).toBe(`${url.origin}/admin`);
  const root = await at('managed-oauth-path', '/.well-known/oauth-protected-resource');
  expect(root.status).toBe(404);
});

test('other well-known addresses are guarded like the rest', async () => {
  expect((await at('managed-oauth', '/.well-known/openid-configuration')).status).toBe(401);
  expect((await at('service-auth', '/.well-known/oauth-protected-resource')).status).toBe(403);
});

test('the server metadata is at the team and at the application (RFC 8414 §3)', async () => {
  const path = '/.well-known/oauth-authorization-server';
  const team = await (await fetch(new URL(path, sandbox.team))).text();
  const oauth = `${sandbox.team.origin}/cdn-cgi/access/oauth`;
  expect(JSON.parse(team)).toEqual({
    issuer: sandbox.team.origin,
    authorization_endpoint: `${oauth}/authorization`,
    token_endpoint: `${oauth}/token`,
    response_types_supported: ['code'],
    response_modes_supported: ['query'],
    grant_types_supported: ['authorization_code', 'refresh_token'],
    token_endpoint_auth_methods_supported: ['client_secret_basic', 'client_secret_post', 'none'],
    revocation_endpoint: `${oauth}/revoke`,
    registration_endpoint: `${oauth}/registration`,
    code_challenge_methods_supported: ['S256'],
  });
  expect(await (await at('managed-oauth', path)).text()).toBe(team);
  expect((await at('browser-login', path)).status).toBe(302);
});

test('the issuer may lack its scheme; iss and device flow are advertised when asked for', async () => {
  const other = await startSandbox({
    schemelessIssuer: true,
    iss: 'missing', // advertised, RFC 9207 §3
    announceDeviceFlow: true, // RFC 8628 §4
  });
  try {
    const url = new URL('/.well-known/oauth-authorization-server', other.team);
    const metadata = await readJson(await fetch(url));
    expect(metadata).toMatchObject({
      issuer: other.team.host,
      authorization_response_iss_parameter_supported: true,
      device_authorization_endpoint: expect.stringMatching(/device_authorization$/),
      grant_types_supported: [
        'authorization_code',
        'refresh_token',
        'urn:ietf:params:oauth:grant-type:device_code',
      ],
    });
  } finally {
    await other.close();
  }
});
