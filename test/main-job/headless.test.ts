/** Headless: no person is ever asked, no browser opened, and the words say what would help. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { ApplicationName } from '../../src/sandbox/catalogue.ts';
import { type Sandbox, startSandbox } from '../../src/sandbox/sandbox.ts';
import { startEvilHost } from '../support/evil-host.ts';
import { startServer, type TestServer } from '../support/mcp-server.ts';

let sandbox: Sandbox;
let server: TestServer;
beforeAll(async () => {
  sandbox = await startSandbox({ announceDeviceFlow: true });
});
afterAll(() => sandbox.close());
afterEach(async () => {
  expect(await server.opened()).toEqual([]);
  expect(sandbox.requests.map(({ what }) => what)).not.toContain('registration');
  expect(sandbox.requests.map(({ what }) => what)).not.toContain('device_authorization');
  await server.close();
});

const urlOf = (name: ApplicationName) => new URL('/echo', sandbox.applications[name].url).href;
const pair = () => ({
  CF_ACCESS_CLIENT_ID: sandbox.serviceToken.clientId,
  CF_ACCESS_CLIENT_SECRET: sandbox.serviceToken.clientSecret,
});

describe('without a service token', () => {
  it.each([
    ['CF_ACCESS_HEADLESS=1', { CF_ACCESS_HEADLESS: '1' }],
    ['CI=true', { CF_ACCESS_HEADLESS: '', CI: 'true' }],
  ])('sign_in_required says that nobody is asked (%s)', async (_, environment) => {
    server = await startServer({ environment });
    for (const name of ['managed-oauth', 'browser-login', 'service-auth-or-login'] as const) {
      const url = urlOf(name);
      for (const [tool, args] of [
        ['access_fetch', { url }],
        ['authenticate', { url }],
        ['authenticate', { url, force: true }],
        ['authenticate', { url, method: 'browser' }],
        ['authenticate', { url, method: 'device' }],
      ] as const) {
        const { json } = await server.call(tool, args);
        expect(json.error?.code).toBe('sign_in_required');
        expect(json.error?.message).toContain('headless');
        expect(json.error?.next_step).toContain('CF_ACCESS_CLIENT_ID');
        expect(json.error?.next_step).toContain('CF_ACCESS_HEADLESS');
        expect(json.error?.next_step).not.toMatch(/call authenticate/i);
      }
      const detected = await server.call('detect_protection', { url });
      expect(detected.json).toMatchObject({ sign_in: [], service_token: 'not_configured' });
      expect(detected.json.next_step).toContain('CF_ACCESS_CLIENT_ID');
    }
  });
});

describe('with a service token', () => {
  it.each([
    'managed-oauth',
    'service-auth-or-login',
    'service-auth',
    'strict-service-auth',
    'strict-service-auth-or-login',
  ] as const)('gets into %s', async (name) => {
    server = await startServer({ environment: { ...pair(), CF_ACCESS_HEADLESS: '1' } });
    const url = urlOf(name);
    expect((await server.call('access_fetch', { url })).json).toMatchObject({
      status: 200,
      auth: 'service_token',
    });
    expect((await server.call('authenticate', { url })).json).toMatchObject({
      status: 'authenticated',
      method: 'service_token',
    });
    const detected = await server.call('detect_protection', { url });
    expect(detected.json.session).toMatchObject({ state: 'active', method: 'service_token' });
  });

  it('passes the agent’s own Authorization, which is not in the way of the pair', async () => {
    server = await startServer({ environment: { ...pair(), CF_ACCESS_HEADLESS: '1' } });
    const { json, body } = await server.call('access_fetch', {
      url: urlOf('managed-oauth'),
      headers: { Authorization: 'Basic dXNlcjpwYXNz' },
    });
    expect(json).toMatchObject({ status: 200, auth: 'service_token' });
    expect(body).toContain('dXNlcjpwYXNz');
  });

  it('gets in where a person could not sign in, because the team is not trusted', async () => {
    server = await startServer({
      environment: {
        ...pair(),
        CF_ACCESS_HEADLESS: '1',
        CF_ACCESS_TEAM_DOMAIN: 'another-team',
      },
    });
    const url = urlOf('service-auth-or-login');
    const detected = await server.call('detect_protection', { url });
    expect(detected.json.next_step).toMatch(/service token will be sent/);
    expect((await server.call('access_fetch', { url })).json).toMatchObject({
      status: 200,
      auth: 'service_token',
    });
  });

  it('says that only a person helps at a resource that is not Access’s', async () => {
    server = await startServer({ environment: { ...pair(), CF_ACCESS_HEADLESS: '1' } });
    const host = await startEvilHost(({ url, host: name }) =>
      url.startsWith('/.well-known/oauth-protected-resource')
        ? {
            status: 200,
            headers: { 'content-type': 'application/json' },
            body: JSON.stringify({
              resource: `http://${name}/`,
              authorization_servers: [`http://${name}`],
            }),
          }
        : url.startsWith('/.well-known/')
          ? {
              status: 200,
              headers: { 'content-type': 'application/json' },
              body: JSON.stringify({
                issuer: `http://${name}`,
                authorization_endpoint: `http://${name}/authorize`,
                token_endpoint: `http://${name}/token`,
                registration_endpoint: `http://${name}/register`,
                response_types_supported: ['code'],
                code_challenge_methods_supported: ['S256'],
              }),
            }
          : {
              status: 401,
              headers: {
                'www-authenticate': `Bearer resource_metadata="http://${name}/.well-known/oauth-protected-resource"`,
              },
            },
    );
    const url = host.url.href;
    const detected = await server.call('detect_protection', { url });
    expect(detected.json).toMatchObject({ protection: 'oauth', sign_in: [] });
    expect(detected.json.next_step).toContain('headless');
    for (const tool of ['access_fetch', 'authenticate'] as const) {
      const { json } = await server.call(tool, { url });
      expect(json.error?.code).toBe('sign_in_required');
      expect(json.error?.message).toContain('not Cloudflare Access');
    }
    expect(JSON.stringify(host.reached)).not.toContain(sandbox.serviceToken.clientSecret);
    await host.close();
  });
});
