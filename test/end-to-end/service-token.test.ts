/** Service tokens against the sandbox: where the pair comes from, what each answer to it means. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { ApplicationName } from '../../src/sandbox/catalogue.ts';
import { type Sandbox, startSandbox } from '../../src/sandbox/sandbox.ts';
import { signInAs } from '../../src/sandbox/team/person.ts';
import { createProgram } from '../cli/program.ts';
import { type Answerer, credentialsIn, startEvilHost } from '../support/evil-host.ts';
import { eventually, startServer, type TestServer } from '../support/mcp-server.ts';

let sandbox: Sandbox;
let folder: string;
const servers: TestServer[] = [];

beforeAll(async () => {
  sandbox = await startSandbox();
  folder = await mkdtemp(join(tmpdir(), 'service-token-'));
});
afterAll(async () => {
  await sandbox.close();
  await rm(folder, { recursive: true, force: true });
});
beforeEach(() => sandbox.clearRequests());
afterEach(async () => {
  expectNoMixture();
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

const start = async (environment: Record<string, string>) => {
  const server = await startServer({ environment });
  servers.push(server);
  return server;
};
const pair = (token = sandbox.serviceToken) => ({
  CF_ACCESS_CLIENT_ID: token.clientId,
  CF_ACCESS_CLIENT_SECRET: token.clientSecret,
});
const headless = { CF_ACCESS_HEADLESS: '1' };
const urlOf = (name: ApplicationName, path = '/echo') =>
  new URL(path, sandbox.applications[name].url).href;
const file = async (content: string) => {
  const path = join(folder, `${Math.random()}`);
  await writeFile(path, content, { mode: 0o600 });
  return path;
};
const withPair = () =>
  sandbox.requests.filter(({ headers }) => headers['cf-access-client-secret'] !== undefined);

/** No request, of any test here, carries the pair and something of a person's (cloudflare-access.md §4). */
function expectNoMixture(): void {
  for (const { headers } of withPair()) {
    expect(headers['cf-access-token']).toBeUndefined();
    expect(String(headers.authorization ?? '')).not.toContain('oauth:');
    expect(String(headers.cookie ?? '')).not.toContain('CF_');
  }
}

describe('the pair', () => {
  const sources: [string, () => Promise<Record<string, string>> | Record<string, string>][] = [
    ['the environment', () => pair()],
    [
      'its aliases',
      () => ({
        CLOUDFLARE_ACCESS_CLIENT_ID: sandbox.serviceToken.clientId,
        CLOUDFLARE_ACCESS_CLIENT_SECRET: sandbox.serviceToken.clientSecret,
      }),
    ],
    [
      'a file with the secret',
      async () => ({
        CF_ACCESS_CLIENT_ID: sandbox.serviceToken.clientId,
        CF_ACCESS_CLIENT_SECRET_FILE: await file(`${sandbox.serviceToken.clientSecret}\n`),
      }),
    ],
    [
      'the service tokens file',
      async () => ({
        CF_ACCESS_SERVICE_TOKENS_FILE: await file(
          JSON.stringify([
            {
              hosts: [sandbox.applications['service-auth'].url.host],
              client_id: sandbox.serviceToken.clientId,
              client_secret: sandbox.serviceToken.clientSecret,
            },
          ]),
        ),
      }),
    ],
  ];
  it.each(sources)('comes from %s', async (_, environment) => {
    const server = await start(await environment());
    const { json, body } = await server.call('access_fetch', { url: urlOf('service-auth') });
    expect(json).toMatchObject({ status: 200, auth: 'service_token' });
    expect(JSON.stringify(json) + body).not.toContain(sandbox.serviceToken.clientSecret);
  });

  it('is chosen by host where there are several, and a file’s pair serves no other host', async () => {
    const entry = (name: ApplicationName, token: Sandbox['serviceToken']) => ({
      hosts: [sandbox.applications[name].url.host],
      client_id: token.clientId,
      client_secret: token.clientSecret,
    });
    const server = await start({
      CF_ACCESS_SERVICE_TOKENS_FILE: await file(
        JSON.stringify([
          entry('strict-service-auth', sandbox.otherServiceToken),
          entry('service-auth', sandbox.serviceToken),
        ]),
      ),
    });
    const first = await server.call('access_fetch', { url: urlOf('service-auth') });
    expect(first.json).toMatchObject({ status: 200, auth: 'service_token' });
    const second = await server.call('access_fetch', { url: urlOf('strict-service-auth') });
    expect(second.json.error?.code).toBe('access_denied');
    const third = await server.call('access_fetch', { url: urlOf('service-auth-401') });
    expect(third.json.error?.code).toBe('service_token_host_not_allowed');
    const idOn = (name: ApplicationName) =>
      withPair().find(({ host }) => host === name)?.headers['cf-access-client-id'];
    expect(idOn('service-auth')).toBe(sandbox.serviceToken.clientId);
    expect(idOn('strict-service-auth')).toBe(sandbox.otherServiceToken.clientId);
    expect(idOn('service-auth-401')).toBeUndefined();
  });

  it('is sent once the host has asked, every time from then on, and no cookie takes its place', async () => {
    const server = await start(pair());
    for (let call = 0; call < 3; call += 1) {
      const { json } = await server.call('access_fetch', { url: urlOf('service-auth') });
      expect(json).toMatchObject({ status: 200, auth: 'service_token' });
    }
    expect(sandbox.requests.map(({ what }) => what)).toEqual([
      'refused',
      'origin',
      'origin',
      'origin',
    ]);
    expect(withPair()).toHaveLength(3);
  });

  it('is never seen by a host that asks for nothing, nor by one that asks for something else', async () => {
    const challenges: Answerer[] = [
      () => ({ status: 200 }),
      () => ({ status: 404 }),
      () => ({ status: 401 }),
      () => ({ status: 403 }),
      () => ({ status: 401, headers: { 'www-authenticate': 'Basic realm="x"' } }),
      ({ url }) =>
        url === '/' ? { status: 401, headers: { 'www-authenticate': 'Bearer' } } : { status: 404 },
      ({ url, host }) =>
        url === '/'
          ? {
              status: 401,
              headers: { 'www-authenticate': `Bearer resource_metadata="http://${host}/meta"` },
            }
          : { status: 404 },
      () => ({ status: 302, headers: { location: 'https://sso.example.com/login' } }),
      () => ({ status: 403, headers: { 'cf-mitigated': 'challenge' } }),
    ];
    const server = await start({ ...pair(), ...headless });
    for (const answer of challenges) {
      const host = await startEvilHost(answer);
      const url = host.url.href;
      await server.call('detect_protection', { url });
      await server.call('access_fetch', { url, timeout_seconds: 10 });
      await server.call('authenticate', { url });
      await server.call('authenticate', { url, method: 'service_token' });
      await server.call('get_token', { url });
      expect(host.reached.length).toBeGreaterThan(3);
      for (const { headers } of host.reached) {
        expect(headers).not.toHaveProperty('cf-access-client-secret');
        expect(headers).not.toHaveProperty('cf-access-client-id');
      }
      await host.close();
    }
  });

  it('does not follow a redirect to an origin that has not asked', async () => {
    const bystander = await startEvilHost(() => ({ status: 200, body: 'arrived' }));
    const server = await start(pair());
    const url = urlOf('service-auth', `/redirect?to=${encodeURIComponent(bystander.url.href)}`);
    const { json, body } = await server.call('access_fetch', { url });
    expect(json).toMatchObject({ status: 200, auth: 'none' });
    expect(body).toContain('arrived');
    expect(withPair()).not.toHaveLength(0);
    expect(bystander.reached).toHaveLength(1);
    expect(Object.keys(bystander.reached[0]?.headers ?? {})).not.toContain(
      'cf-access-client-secret',
    );
    await bystander.close();
  });
});

describe('what the answer means', () => {
  const wrong = (): Sandbox['serviceToken'] => ({
    clientId: sandbox.serviceToken.clientId,
    clientSecret: sandbox.otherServiceToken.clientSecret,
  });
  const table: [ApplicationName, 'right' | 'other' | 'wrong', string][] = [
    ['service-auth', 'right', '200'],
    ['service-auth', 'wrong', 'service_token_rejected'],
    ['service-auth', 'other', 'service_token_rejected'], // a classic organisation does not say
    ['service-auth-401', 'right', '200'],
    ['service-auth-401', 'wrong', 'service_token_rejected'],
    ['service-auth-or-login', 'right', '200'],
    ['service-auth-or-login', 'wrong', 'service_token_rejected'],
    ['service-auth-or-login', 'other', 'access_denied'],
    ['browser-login', 'right', 'access_denied'], // no policy of this application names it
    ['browser-login', 'wrong', 'service_token_rejected'],
    ['managed-oauth', 'right', '200'],
    ['managed-oauth', 'wrong', 'service_token_rejected'],
    ['strict-service-auth', 'right', '200'],
    ['strict-service-auth', 'wrong', 'service_token_rejected'],
    ['strict-service-auth', 'other', 'access_denied'],
    ['strict-service-auth-or-login', 'right', '200'],
    ['strict-service-auth-or-login', 'wrong', 'service_token_rejected'],
    ['strict-service-auth-or-login', 'other', 'access_denied'],
  ];
  it.each(table)('on %s with the %s pair, headless: %s', async (name, which, expected) => {
    const token =
      which === 'right'
        ? sandbox.serviceToken
        : which === 'other'
          ? sandbox.otherServiceToken
          : wrong();
    const server = await start({ ...pair(token), ...headless });
    const { json } = await server.call('access_fetch', { url: urlOf(name) });
    const signedIn = await server.call('authenticate', { url: urlOf(name) });
    if (expected === '200') {
      expect(json).toMatchObject({ status: 200, auth: 'service_token' });
      expect(signedIn.json).toMatchObject({ status: 'authenticated', method: 'service_token' });
    } else {
      expect(json.error?.code).toBe(expected);
      expect(signedIn.json.error?.code).toBe(expected);
      expect(JSON.stringify(json)).not.toContain(token.clientSecret);
      expect(json.error?.next_step).toMatch(/^Do not retry/);
    }
    expect(await server.opened()).toEqual([]);
  });

  it('the origin’s own 401 and 403 behind Access are results', async () => {
    const server = await start(pair());
    for (const status of [401, 403]) {
      const { json } = await server.call('access_fetch', {
        url: urlOf('service-auth', `/status/${status}`),
      });
      expect(json).toMatchObject({ status, auth: 'service_token' });
    }
  });
});

describe('get_token with a service token alone', () => {
  const seen = () =>
    sandbox.requests
      .filter(({ what }) => /^(?:challenge|refused|origin)$/.test(what))
      .map((request) => [request.what, ...credentialsIn(request)].join(' '));
  const withPair = 'cf-access-client-id cf-access-client-secret';

  it('gives the application’s JWT where Access issued one, and never the secret', async () => {
    const server = await start(pair());
    const { json } = await server.call('get_token', { url: urlOf('service-auth-or-login') });
    expect(json).toMatchObject({ header: 'cf-access-token' });
    expect(json.value).toMatch(/^eyJ/);
    expect(JSON.stringify(json)).not.toContain(sandbox.serviceToken.clientSecret);
    // Tried once by itself, before it is given.
    expect(seen()).toEqual(['challenge', `origin ${withPair}`, 'origin cf-access-token']);
  });

  it.each(['service-auth', 'service-auth-401'] as const)(
    'is service_token_not_disclosed where %s takes the JWT together with the secret alone',
    async (name) => {
      const environment = { ...pair(), CF_ACCESS_HOSTS: 'localhost' };
      const server = await start(environment);
      const { json } = await server.call('get_token', { url: urlOf(name) });
      expect(json.error?.code).toBe('service_token_not_disclosed');
      expect(json.error?.message).toContain('does not take the application’s token without it');
      expect(json.error?.next_step).toContain('access_fetch');
      expect(JSON.stringify(json)).not.toMatch(/eyJ/);
      expect(seen()).toEqual(['refused', `origin ${withPair}`, 'refused cf-access-token']);
      const program = await createProgram(environment);
      const given = await program.run(['token', urlOf(name)]);
      expect(given).toMatchObject({ code: 1, stdout: '' });
      expect(given.stderr).toContain('does not take the application’s token without it');
      await program.remove();
      // How the URL is fetched stays as it is.
      const fetched = await server.call('access_fetch', { url: urlOf(name) });
      expect(fetched.json).toMatchObject({ status: 200, auth: 'service_token' });
    },
  );

  it('gives the JWT where the application itself answers 401, as it does to the service token', async () => {
    const server = await start(pair());
    const url = urlOf('service-auth-or-login', '/status/401');
    expect((await server.call('get_token', { url })).json).toMatchObject({
      header: 'cf-access-token',
    });
  });

  it('is service_token_not_disclosed where a strict organisation issued none', async () => {
    const server = await start(pair());
    const { json } = await server.call('get_token', { url: urlOf('strict-service-auth') });
    expect(json.error?.code).toBe('service_token_not_disclosed');
    expect(json.error?.next_step).toContain('access_fetch');
  });

  it('says what is missing, and does not send the agent in circles', async () => {
    const server = await start({});
    const code = async (name: ApplicationName) =>
      (await server.call('get_token', { url: urlOf(name) })).json.error?.code;
    expect(await code('service-auth')).toBe('service_token_not_configured');
    expect(await code('browser-login')).toBe('sign_in_required');
    expect(await code('no-application')).toBe('access_denied');
    expect(await code('tunnel-down')).toBe('temporarily_unavailable');
  });
});

describe('a service token and a person', () => {
  it('never share a request: the person’s own sign-in takes over when it is asked for', async () => {
    const server = await start(pair());
    const url = urlOf('managed-oauth');
    const byToken = await server.call('authenticate', { url, method: 'service_token' });
    expect(byToken.json).toMatchObject({ status: 'authenticated', method: 'service_token' });
    expect((await server.call('access_fetch', { url })).json.auth).toBe('service_token');
    const signingIn = server.call('authenticate', { url, method: 'browser' });
    const opened = await eventually(async () => (await server.opened())[0]);
    await signInAs(opened, sandbox.people[0] ?? '');
    expect((await signingIn).json).toMatchObject({ method: 'authorization_code' });
    expect((await server.call('access_fetch', { url })).json.auth).toBe('oauth');
  });

  it('get_token does not change how the URL is fetched', async () => {
    const server = await start(pair());
    const url = urlOf('managed-oauth');
    expect((await server.call('get_token', { url })).json.header).toBe('cf-access-token');
    const { json } = await server.call('access_fetch', { url, sign_in: false });
    expect(json.error?.code).toBe('sign_in_required');
  });

  it('an agent’s own Access headers and cookies are refused before the network', async () => {
    const server = await start(pair());
    for (const headers of [
      { 'CF-Access-Client-Secret': 'x' },
      { 'cf-access-token': 'x' },
      { Cookie: 'CF_Authorization=x' },
    ]) {
      const { json } = await server.call('access_fetch', { url: urlOf('service-auth'), headers });
      expect(json.error?.code).toBe('header_not_allowed');
    }
    expect(sandbox.requests).toEqual([]);
  });
});
