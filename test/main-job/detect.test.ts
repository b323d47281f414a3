/** detect_protection on every application of the sandbox, and on hosts that only look like Access. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { ApplicationName } from '../../src/sandbox/catalogue.ts';
import { type Sandbox, startSandbox } from '../../src/sandbox/sandbox.ts';
import { createSigner, unsigned } from '../cloudflare/signer.ts';
import { type Answerer, credentialsIn, type Reply, startEvilHost } from '../support/evil-host.ts';
import { startServer, type TestServer } from '../support/mcp-server.ts';

let sandbox: Sandbox;
let server: TestServer;
beforeAll(async () => {
  sandbox = await startSandbox();
});
afterAll(() => sandbox.close());

const pairOf = ({ serviceToken }: Sandbox) => ({
  CF_ACCESS_CLIENT_ID: serviceToken.clientId,
  CF_ACCESS_CLIENT_SECRET: serviceToken.clientSecret,
});
const fromUs = () =>
  sandbox.requests.filter(({ headers }) => headers['user-agent'] === 'cloudflare-access-mcp');

interface Row {
  readonly name: ApplicationName;
  readonly path?: string;
  readonly status: number;
  readonly protection: string;
  readonly signIn?: string[];
  readonly verified?: boolean;
  readonly says: RegExp;
}

const person = /^Call authenticate/;
const noPair = /service token that the application’s policies allow/;
const rows: Row[] = [
  {
    name: 'managed-oauth',
    status: 401,
    protection: 'managed_oauth',
    signIn: ['authorization_code'],
    verified: true,
    says: person,
  },
  {
    name: 'managed-oauth-path',
    path: '/admin/x',
    status: 401,
    protection: 'managed_oauth',
    signIn: ['authorization_code'],
    verified: true,
    says: person,
  },
  {
    name: 'managed-oauth-path',
    path: '/open',
    status: 404,
    protection: 'none',
    says: /^Call access_fetch/,
  },
  {
    name: 'browser-login',
    status: 302,
    protection: 'browser_login',
    signIn: ['browser_transfer'],
    verified: true,
    says: person,
  },
  {
    name: 'browser-login-second',
    path: '/a/b?c=d',
    status: 302,
    protection: 'browser_login',
    signIn: ['browser_transfer'],
    verified: true,
    says: person,
  },
  {
    name: 'browser-login-path-relative',
    status: 302,
    protection: 'browser_login',
    signIn: ['browser_transfer'],
    verified: true,
    says: person,
  },
  { name: 'service-auth', status: 403, protection: 'service_auth', verified: true, says: noPair },
  {
    name: 'service-auth-401',
    status: 401,
    protection: 'service_auth',
    verified: true,
    says: noPair,
  },
  {
    name: 'service-auth-or-login',
    status: 302,
    protection: 'browser_login',
    signIn: ['browser_transfer'],
    verified: true,
    says: person,
  },
  {
    name: 'denied',
    status: 403,
    protection: 'denied',
    signIn: ['browser_transfer'],
    verified: true,
    says: person,
  },
  {
    name: 'denied-or-login',
    status: 403,
    protection: 'denied',
    signIn: ['browser_transfer'],
    verified: true,
    says: person,
  },
  { name: 'bypass', status: 200, protection: 'none', says: /^Call access_fetch/ },
  { name: 'no-application', status: 403, protection: 'denied', says: /1043/ },
  { name: 'tunnel-down', status: 530, protection: 'none', says: /tunnel/ },
  {
    name: 'identity-provider',
    status: 302,
    protection: 'other',
    says: /identity provider.*API key.*headers of access_fetch/,
  },
  {
    name: 'strict-service-auth',
    status: 403,
    protection: 'service_auth',
    verified: true,
    says: noPair,
  },
  {
    name: 'strict-service-auth-or-login',
    status: 302,
    protection: 'browser_login',
    signIn: ['browser_transfer'],
    verified: true,
    says: person,
  },
];

describe('every application of the sandbox', () => {
  beforeAll(async () => {
    server = await startServer();
  });
  afterAll(() => server.close());
  beforeEach(() => sandbox.clearRequests());

  it.each(rows)('tells $name $path in at most five requests without a credential', async (row) => {
    const { name, path = '/', status, protection, signIn = [], verified = false, says } = row;
    const { url, audience } = sandbox.applications[name];
    const { json, isError } = await server.call('detect_protection', {
      url: new URL(path, url).href,
    });
    expect(isError).toBe(false);
    expect(json).toMatchObject({
      status,
      protection,
      protected: protection !== 'none',
      sign_in: signIn,
      team_verified: verified,
      service_token: 'not_configured',
      session: { state: 'none', method: null, expires_at: null },
      ...(verified ? { team_domain: sandbox.team.host, application_aud: audience } : {}),
    });
    expect(json.next_step).toMatch(says);
    expect(fromUs().length).toBeLessThanOrEqual(5);
    expect(fromUs().flatMap(credentialsIn)).toEqual([]);
    expect(sandbox.requests).toHaveLength(fromUs().length);
    expect(await server.opened()).toEqual([]);
  });

  it('asks for the keys behind the signed answer once for all applications', async () => {
    await server.call('detect_protection', { url: `${sandbox.applications.denied.url}again` });
    expect(fromUs().map(({ what }) => what)).not.toContain('certs');
  });
});

describe('with a service token', () => {
  it('says that it would be sent, only where access_fetch would send it, and sends nothing', async () => {
    sandbox.clearRequests();
    const [attended, headless] = await Promise.all([
      startServer({ environment: pairOf(sandbox) }),
      startServer({ environment: { ...pairOf(sandbox), CF_ACCESS_HEADLESS: '1' } }),
    ]);
    const step = async (on: TestServer, name: ApplicationName) => {
      const { url } = sandbox.applications[name];
      const { json } = await on.call('detect_protection', { url: url.href });
      expect(json).toMatchObject({ service_token: 'ready' });
      return json.next_step as string;
    };
    expect(await step(attended, 'service-auth')).toMatch(/service token will be sent/);
    expect(await step(attended, 'browser-login')).toMatch(person);
    expect(await step(attended, 'denied-or-login')).toMatch(/service token will be sent/);
    expect(await step(headless, 'browser-login')).toMatch(/service token will be sent/);
    expect(await step(headless, 'managed-oauth')).toMatch(/service token will be sent/);
    expect(await step(headless, 'denied-or-login')).toMatch(/service token will be sent/);
    expect(fromUs().flatMap(credentialsIn)).toEqual([]);
    await Promise.all([attended.close(), headless.close()]);
  });
});

const html = { 'content-type': 'text/html' };
const aud = 'a'.repeat(64);
const lookAlikes: [what: string, answer: Answerer, protection: string, says: RegExp][] = [
  [
    'Basic',
    () => ({ status: 401, headers: { 'www-authenticate': 'Basic realm="x"' } }),
    'other',
    /own credentials/,
  ],
  [
    'Digest and Negotiate',
    () => ({
      status: 401,
      headers: { 'www-authenticate': 'Negotiate, Digest realm="x", nonce="y"' },
    }),
    'other',
    /own credentials/,
  ],
  ['an origin’s own 401', () => ({ status: 401, body: 'no' }), 'other', /own credentials/],
  ['an origin’s own 403', () => ({ status: 403, body: 'no' }), 'other', /own credentials/],
  [
    'a bare Bearer without metadata',
    ({ url }) =>
      url === '/' ? { status: 401, headers: { 'www-authenticate': 'Bearer' } } : { status: 404 },
    'other',
    /own credentials/,
  ],
  [
    'a login page of its own',
    ({ url }) =>
      url === '/' ? { status: 302, headers: { location: '/login?next=/' } } : { status: 200 },
    'other',
    /own credentials/,
  ],
  [
    'an SSO login elsewhere',
    () => ({ status: 302, headers: { location: 'https://sso.example.com/saml2/login' } }),
    'other',
    /own credentials/,
  ],
  [
    'Access’s login path on a host that is no team',
    () => ({
      status: 302,
      headers: {
        location: `https://acme.cloudflareaccess.com.evil.test/cdn-cgi/access/login/x?kid=${aud}`,
      },
    }),
    'other',
    /own credentials/,
  ],
  [
    'a redirect elsewhere',
    () => ({ status: 302, headers: { location: 'https://www.example.com/' } }),
    'none',
    /^Call access_fetch/,
  ],
  [
    'a page that talks about error 1033',
    () => ({ status: 200, headers: html, body: '<h1>Error 1033</h1>' }),
    'none',
    /^Call access_fetch/,
  ],
  ['a plain page', () => ({ status: 200 }), 'none', /^Call access_fetch/],
  ['a 404', () => ({ status: 404 }), 'none', /^Call access_fetch/],
  ['a 500', () => ({ status: 500 }), 'none', /^Call access_fetch/],
  [
    'Cloudflare’s check for bots',
    () => ({ status: 403, headers: { ...html, 'cf-mitigated': 'challenge' } }),
    'other',
    /check for bots/,
  ],
  [
    'a firewall block',
    () => ({ status: 403, headers: { 'content-type': 'text/plain' }, body: 'error code: 1020' }),
    'other',
    /firewall/,
  ],
  [
    'a proxy’s 407',
    () => ({ status: 407, headers: { 'proxy-authenticate': 'Basic realm="p"' } }),
    'other',
    /proxy/i,
  ],
  [
    'a Cf-Access-Error on a page that is fine',
    () => ({ status: 200, headers: { 'cf-access-error': 'x' } }),
    'none',
    /^Call access_fetch/,
  ],
  [
    'a quoted text that names metadata',
    () => ({
      status: 401,
      headers: {
        'www-authenticate': 'Basic realm="Bearer resource_metadata=\\"http://evil.test/\\""',
      },
    }),
    'other',
    /own credentials/,
  ],
];

describe('what only looks like Access', () => {
  beforeAll(async () => {
    server = await startServer({ environment: pairOf(sandbox) });
  });
  afterAll(() => server.close());

  it.each(lookAlikes)('%s', async (_, answer, protection, says) => {
    const host = await startEvilHost(answer);
    const { json } = await server.call('detect_protection', { url: host.url.href });
    expect(json).toMatchObject({ protection, team_verified: false, sign_in: [] });
    expect(json.next_step).toMatch(says);
    expect(host.reached.length).toBeLessThanOrEqual(5);
    expect(host.reached.flatMap(credentialsIn)).toEqual([]);
    await host.close();
  });
});

describe('a host that claims to be of a team', () => {
  beforeAll(async () => {
    server = await startServer({
      environment: { ...pairOf(sandbox), CF_ACCESS_TEAM_DOMAIN: sandbox.team.host },
    });
  });
  afterAll(() => server.close());
  const strangers = createSigner('stranger');

  /** Copies the true application's redirect, and answers the request for proof with `proof`. */
  const copycat = async (proof: (host: string) => string | undefined) => {
    const original = await fetch(sandbox.applications['browser-login'].url, { redirect: 'manual' });
    const headers: Record<string, string> = {
      location: original.headers.get('location') ?? '',
      'www-authenticate': original.headers.get('www-authenticate') ?? '',
      'cf-access-domain': sandbox.applications['browser-login'].url.host,
      'cf-access-aud': sandbox.applications['browser-login'].audience,
    };
    return startEvilHost(({ headers: asked, host }): Reply => {
      const value = asked['cf-access-metadata-request'] ? proof(host) : undefined;
      return {
        status: 302,
        headers: value === undefined ? headers : { ...headers, 'cf-access-metadata': value },
      };
    });
  };
  const claims = (hostname: string, more: object = {}) => ({
    type: 'match',
    hostname,
    auth_domain: sandbox.team.host,
    aud: sandbox.applications['browser-login'].audience,
    app_hostname: hostname,
    iat: Math.floor(Date.now() / 1000),
    ...more,
  });
  const replayed = async () => {
    const answer = await fetch(sandbox.applications['browser-login'].url, {
      method: 'HEAD',
      redirect: 'manual',
      headers: { 'cf-access-metadata-request': 'true' },
    });
    return answer.headers.get('cf-access-metadata') ?? '';
  };

  const forgeries: [what: string, proof: (host: string) => string | undefined | Promise<string>][] =
    [
      ['without any proof', () => undefined],
      ['with the true host’s signed answer', () => replayed()],
      ['with one signed by a key of its own', (host) => strangers.jwt(claims(host))],
      [
        'with one that nobody signed',
        (host) => `${unsigned({ alg: 'none', kid: 'x' }, claims(host))}.AA`,
      ],
      [
        'with one of a team of its own',
        (host) => strangers.jwt(claims(host, { auth_domain: host })),
      ],
      [
        'with one of a team that is nowhere',
        (host) => strangers.jwt(claims(host, { auth_domain: 'localhost:1' })),
      ],
      ['with garbage', () => 'eyJ.garbage.here'],
    ];
  it.each(forgeries)('is not believed %s', async (_, proof) => {
    const given = proof instanceof Function ? await proof('HOST') : undefined;
    const host = await copycat((name) => {
      const made = proof(name);
      return made instanceof Promise ? given : made;
    });
    const { json, isError } = await server.call('detect_protection', { url: host.url.href });
    expect(isError).toBe(false);
    expect(json).toMatchObject({ protection: 'browser_login', team_verified: false, sign_in: [] });
    expect(json.next_step).toMatch(/Do not sign in there|port 1 of this machine/);
    expect(host.reached.length).toBeLessThanOrEqual(5);
    expect(host.reached.flatMap(credentialsIn)).toEqual([]);
    const fetched = await server.call('access_fetch', { url: host.url.href });
    expect(fetched.json.error?.code).toMatch(/^(?:untrusted_authorization_server|network_error)$/);
    expect(await server.opened()).toEqual([]);
    await host.close();
  });

  it('is still detected when the team’s keys cannot be had, in at most five requests', async () => {
    const faulty = await startSandbox({
      fault: ({ what }) => (what === 'certs' ? { status: 503 } : undefined),
    });
    for (const name of ['browser-login', 'managed-oauth', 'service-auth'] as const) {
      faulty.clearRequests();
      const { json, isError } = await server.call('detect_protection', {
        url: faulty.applications[name].url.href,
      });
      expect(isError).toBe(false);
      expect(json).toMatchObject({ team_verified: false });
      expect(faulty.requests.length).toBeLessThanOrEqual(5);
    }
    await faulty.close();
  });
});
