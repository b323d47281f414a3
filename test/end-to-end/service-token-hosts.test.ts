/**
 * Which hosts see the secret, asserted at the sockets that requests arrive at: every name here is a
 * host of its own behind a proxy, over TLS. All of them ask for a service token as Access does.
 */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createSigner, hs256, type Signer, unsigned } from '../cloudflare/signer.ts';
import type { Answerer, Reply } from '../support/evil-host.ts';
import { startServer, type TestServer } from '../support/mcp-server.ts';
import { type NamedHosts, startNamedHosts } from '../support/named-hosts.ts';

const clientId = `${'ab'.repeat(16)}.access`;
const clientSecret = `cfast_${'A1'.repeat(24)}`;
const pair = { CF_ACCESS_CLIENT_ID: clientId, CF_ACCESS_CLIENT_SECRET: clientSecret };
const audience = 'e'.repeat(64);

let hosts: NamedHosts;
let server: TestServer;

beforeAll(async () => {
  hosts = await startNamedHosts([
    'app.example.com',
    '*.app.example.com',
    '*.example.com',
    'corp.example.com',
    '*.corp.example.com',
    '*.b.corp.example.com',
    'example.com',
    'app.example.co',
    'evil.test',
    'app.example.com.evil.test',
    '*.corp.example.com.evil.test',
    'xn--bcher-kva.example',
    'bucher.example',
    'xn--pp-4lc.example.com',
    'upper.example.org',
    'app-example.com',
    'acme.cloudflareaccess.com',
    'other.cloudflareaccess.com',
    'guarded.example.net',
    'second.example.net',
  ]);
});
afterAll(() => hosts.close());
beforeEach(() => hosts.reached.splice(0));

const guard = (aud = audience): Reply => ({
  status: 403,
  headers: { 'cf-access-aud': aud, 'cf-access-domain': 'app.example.com' },
});
const asks: Answerer = ({ headers }) =>
  headers['cf-access-client-secret'] === clientSecret ? { status: 200, body: 'in' } : guard();
/** The hosts whose sockets the secret arrived at, in any field of any request. */
const seenBy = () => [
  ...new Set(
    hosts.reached
      .filter(({ headers, url }) => JSON.stringify([headers, url]).includes(clientSecret))
      .map(({ host }) => host),
  ),
];

describe('CF_ACCESS_HOSTS', () => {
  beforeAll(async () => {
    server = await startServer({
      environment: {
        ...hosts.environment,
        ...pair,
        CF_ACCESS_HOSTS:
          'app.example.com, *.corp.example.com port.example.com:8443,bücher.example,UPPER.example.org',
      },
    });
    hosts.answerWith(asks);
  });
  afterAll(() => server.close());

  it.each([
    ['https://app.example.com/', 'app.example.com'],
    ['https://app.example.com:443/path', 'app.example.com'],
    ['https://APP.Example.COM/', 'app.example.com'],
    ['https://app%2eexample.com/', 'app.example.com'],
    ['https://app。example.com/', 'app.example.com'],
    ['https://a.corp.example.com/', 'a.corp.example.com'],
    ['https://a.b.corp.example.com/', 'a.b.corp.example.com'],
    ['https://A.CORP.example.com/', 'a.corp.example.com'],
    ['https://port.example.com:8443/', 'port.example.com:8443'],
    ['https://bücher.example/', 'xn--bcher-kva.example'],
    ['https://xn--bcher-kva.example/', 'xn--bcher-kva.example'],
    ['https://upper.example.org/', 'upper.example.org'],
  ])('gives the secret to %s', async (url, host) => {
    const { json } = await server.call('access_fetch', { url });
    expect(json).toMatchObject({ status: 200, auth: 'service_token' });
    expect(seenBy()).toEqual([host]);
  });

  it.each([
    'https://app.example.com:8443/',
    'https://app.example.com./',
    'https://xapp.example.com/',
    'https://sub.app.example.com/',
    'https://example.com/',
    'https://app.example.co/',
    'https://app-example.com/',
    'https://corp.example.com/',
    'https://evilcorp.example.com/',
    'https://a.corp.example.com./',
    'https://a.corp.example.com:8443/',
    'https://a.corp.example.com.evil.test/',
    'https://app.example.com.evil.test/',
    'https://port.example.com/',
    'https://port.example.com:9443/',
    'https://bucher.example/',
    'https://аpp.example.com/', // the first letter is Cyrillic
    'https://evil.test/app.example.com',
    'https://evil.test/?host=app.example.com',
    'https://evil.test/#app.example.com',
    'https://evil.test\\@app.example.com/',
    'https://acme.cloudflareaccess.com/',
  ])('keeps the secret from %s', async (url) => {
    const { json } = await server.call('access_fetch', { url });
    expect(json.error?.code).toBe('service_token_host_not_allowed');
    expect(json.error?.next_step).toContain('CF_ACCESS_HOSTS=');
    expect(hosts.reached.length).toBeGreaterThan(0);
    expect(seenBy()).toEqual([]);
    const forced = await server.call('authenticate', { url, method: 'service_token' });
    expect(forced.isError).toBe(true);
    expect(seenBy()).toEqual([]);
  });

  it.each([
    ['https://app.example.com@evil.test/', 'invalid_input'],
    ['https://user:password@app.example.com/', 'invalid_input'],
    ['http://app.example.com/', 'https_required'],
  ])('sends nothing at all to %s', async (url, code) => {
    const { json } = await server.call('access_fetch', { url });
    expect(json.error?.code).toBe(code);
    expect(hosts.reached).toEqual([]);
  });

  it('names the team that a host claims to be of, as a claim', async () => {
    hosts.answerWith(() => ({
      status: 403,
      headers: { 'cf-access-aud': audience, 'cf-access-domain': 'acme.cloudflareaccess.com' },
    }));
    const { json } = await server.call('access_fetch', { url: 'https://evil.test/' });
    hosts.answerWith(asks);
    expect(json.error?.message).toContain(
      'claims (unverified) to be of the team acme.cloudflareaccess.com',
    );
  });
});

describe('redirects', () => {
  beforeEach(async () => {
    server = await startServer({
      environment: { ...hosts.environment, ...pair, CF_ACCESS_HOSTS: 'app.example.com' },
    });
  });
  afterEach(() => server.close());

  it.each([301, 302, 303, 307, 308])(
    'a %i from the allowed host does not carry the secret away',
    async (status) => {
      hosts.answerWith((request) => {
        if (request.host !== 'app.example.com') return guard();
        return asks(request).status === 403
          ? guard()
          : { status, headers: { location: `https://evil.test${request.url}` } };
      });
      const { json } = await server.call('access_fetch', { url: 'https://app.example.com/' });
      expect(json.error?.code).toBe('service_token_host_not_allowed');
      expect(hosts.reached.map(({ host }) => host)).toContain('evil.test');
      expect(seenBy()).toEqual(['app.example.com']);
    },
  );

  it('to http is refused', async () => {
    hosts.answerWith((request) =>
      asks(request).status === 403
        ? guard()
        : { status: 302, headers: { location: 'http://app.example.com/' } },
    );
    const { json } = await server.call('access_fetch', { url: 'https://app.example.com/' });
    expect(json.error?.code).toBe('redirect_refused');
  });

  it('from a stranger to the allowed host gets the secret there alone', async () => {
    hosts.answerWith((request) =>
      request.host === 'evil.test'
        ? { status: 302, headers: { location: 'https://app.example.com/' } }
        : asks(request),
    );
    const { json } = await server.call('access_fetch', { url: 'https://evil.test/' });
    expect(json).toMatchObject({ status: 200, auth: 'service_token' });
    expect(seenBy()).toEqual(['app.example.com']);
  });

  it('a host that never asks never sees it, though it is allowed', async () => {
    hosts.answerWith(() => ({ status: 200, body: 'open' }));
    const { json } = await server.call('access_fetch', { url: 'https://app.example.com/' });
    expect(json).toMatchObject({ status: 200, auth: 'none' });
    const again = await server.call('authenticate', {
      url: 'https://app.example.com/',
      method: 'service_token',
    });
    expect(again.json).toMatchObject({ status: 'not_needed' });
    expect(seenBy()).toEqual([]);
  });
});

describe('a pinned team and the signed answer (cloudflare-access.md §6)', () => {
  const team = createSigner('team-key');
  const other = createSigner('other-key');
  const now = () => Math.floor(Date.now() / 1000);
  const claims = (more: object = {}) => ({
    type: 'match',
    hostname: 'guarded.example.net',
    auth_domain: 'acme.cloudflareaccess.com',
    aud: audience,
    app_hostname: 'guarded.example.net',
    iat: now(),
    ...more,
  });
  const answer =
    (proof: string | undefined, certs: Record<string, Signer> = {}): Answerer =>
    (request) => {
      const key = {
        'acme.cloudflareaccess.com': team,
        'other.cloudflareaccess.com': other,
        ...certs,
      }[request.host];
      if (request.url === '/cdn-cgi/access/certs') {
        return key ? { status: 200, body: JSON.stringify({ keys: [key.jwk] }) } : { status: 404 };
      }
      const refused = asks(request);
      if (refused.status !== 403 || !request.headers['cf-access-metadata-request']) return refused;
      const headers = { ...refused.headers, ...(proof ? { 'cf-access-metadata': proof } : {}) };
      return { ...refused, headers };
    };
  const startPinned = () =>
    startServer({
      environment: { ...hosts.environment, ...pair, CF_ACCESS_TEAM_DOMAIN: 'acme' },
    });
  let own: TestServer | undefined;
  /** This test's server. */
  const fresh = async () => {
    own ??= await startPinned();
    return own;
  };
  afterEach(async () => {
    await own?.close();
    own = undefined;
  });
  const ask = async () =>
    (await fresh()).call('access_fetch', { url: 'https://guarded.example.net/' });

  it('gives the secret to a host that proves to be the team’s', async () => {
    hosts.answerWith(answer(team.jwt(claims())));
    const { json } = await ask();
    expect(json).toMatchObject({ status: 200, auth: 'service_token' });
    expect(seenBy()).toEqual(['guarded.example.net']);
    const asked = hosts.reached.filter(({ url }) => url === '/cdn-cgi/access/certs');
    expect(asked.map(({ host }) => host)).toEqual(['acme.cloudflareaccess.com']);
  });

  it('takes an answer of the older kind, which names no application’s domain', async () => {
    hosts.answerWith(answer(team.jwt(claims({ app_hostname: '' }))));
    expect((await ask()).json).toMatchObject({ status: 200, auth: 'service_token' });
  });

  const publicKey = team.publicKey.export({ type: 'spki', format: 'pem' });
  const forgeries: [what: string, proof: string | undefined][] = [
    ['no answer', undefined],
    ['the answer of another host, replayed', team.jwt(claims({ hostname: 'second.example.net' }))],
    ['an answer for another port', team.jwt(claims({ hostname: 'guarded.example.net:8443' }))],
    ['another team’s answer', other.jwt(claims({ auth_domain: 'other.cloudflareaccess.com' }))],
    ['another team’s key in the team’s name', other.jwt(claims())],
    ['another key under the team’s key ID', other.jwt(claims(), { kid: 'team-key' })],
    [
      'HS256 with the public key as secret',
      hs256({ kid: 'team-key' }, claims(), publicKey.toString()),
    ],
    ['no algorithm', `${unsigned({ alg: 'none', kid: 'team-key' }, claims())}.AA`],
    ['an empty signature', `${unsigned({ alg: 'RS256', kid: 'team-key' }, claims())}.`],
    ['PS256 in the header', team.jwt(claims(), { alg: 'PS256' })],
    ['a critical extension', team.jwt(claims(), { crit: ['b64'] })],
    ['no key ID', team.jwt(claims(), { kid: undefined })],
    ['one of the day before yesterday', team.jwt(claims({ iat: now() - 25 * 3600 }))],
    ['one of tomorrow', team.jwt(claims({ iat: now() + 600 }))],
    ['one without a time', team.jwt(claims({ iat: undefined }))],
    ['one of another type', team.jwt(claims({ type: 'app' }))],
    [
      'a team below the team',
      other.jwt(claims({ auth_domain: 'acme.cloudflareaccess.com.evil.test' })),
    ],
    [
      'a team with a path',
      other.jwt(claims({ auth_domain: 'evil.test/acme.cloudflareaccess.com' })),
    ],
    [
      'a team with userinfo',
      other.jwt(claims({ auth_domain: 'acme.cloudflareaccess.com@evil.test' })),
    ],
    [
      'the application’s JWT in its place',
      team.jwt({
        aud: [audience],
        iss: 'https://acme.cloudflareaccess.com',
        type: 'app',
        exp: now() + 600,
      }),
    ],
    ['garbage', 'garbage'],
  ];
  describe('a forged answer', () => {
    let shared: TestServer;
    beforeAll(async () => {
      shared = await startPinned();
    });
    afterAll(() => shared.close());

    it.each(forgeries.map(([what, proof], index) => ({ what, proof, index })))(
      'keeps the secret from a host with $what',
      async ({ proof, index }) => {
        hosts.answerWith(answer(proof));
        // A path of its own, because what was not proven is kept for some seconds.
        const url = `https://guarded.example.net/${index}`;
        const { json } = await shared.call('access_fetch', { url });
        expect(json.error?.code).toBe('service_token_host_not_allowed');
        expect(hosts.reached.map((each) => each.url)).toContain(`/${index}`);
        expect(seenBy()).toEqual([]);
      },
    );
  });

  it.each([
    ['redirect', { status: 302, headers: { location: 'https://evil.test/keys' } }],
    ['are no key set', { status: 200, body: '[]' }],
    ['are refused', { status: 403 }],
    ['fail', { status: 503 }],
  ])('keeps the secret when the team’s keys %s', async (_, reply) => {
    const proven = answer(team.jwt(claims()));
    hosts.answerWith((request) => {
      if (request.host === 'evil.test')
        return { status: 200, body: JSON.stringify({ keys: [team.jwk] }) };
      return request.url === '/cdn-cgi/access/certs' ? reply : proven(request);
    });
    const url = 'https://guarded.example.net/';
    const detected = await (await fresh()).call('detect_protection', { url });
    expect(detected.json).toMatchObject({
      team_verified: false,
      service_token: 'host_not_allowed',
    });
    expect(hosts.reached.length).toBeLessThanOrEqual(5);
    const { json, isError } = await ask();
    expect(isError).toBe(true);
    expect(json.error?.code).toMatch(
      /^(?:service_token_host_not_allowed|temporarily_unavailable)$/,
    );
    expect(seenBy()).toEqual([]);
  });

  it('needs no more than five requests to detect a login whose proof cannot be checked', async () => {
    const proof = team.jwt(claims());
    hosts.answerWith(({ url, headers }) => {
      if (url === '/cdn-cgi/access/certs') return { status: 503 };
      const location = `https://acme.cloudflareaccess.com/cdn-cgi/access/login/guarded.example.net?kid=${audience}`;
      const asked = headers['cf-access-metadata-request'] !== undefined;
      return {
        status: 302,
        headers: { location, ...(asked ? { 'cf-access-metadata': proof } : {}) },
      };
    });
    const url = 'https://guarded.example.net/';
    const { json } = await (await fresh()).call('detect_protection', { url });
    expect(json).toMatchObject({ protection: 'browser_login', team_verified: false, sign_in: [] });
    expect(json.next_step).toContain('signing keys');
    expect(hosts.reached.length).toBeLessThanOrEqual(5);
  });

  it('a proof for one host says nothing of another', async () => {
    hosts.answerWith(answer(team.jwt(claims())));
    await ask();
    const { json } = await (await fresh()).call('access_fetch', {
      url: 'https://second.example.net/',
    });
    expect(json.error?.code).toBe('service_token_host_not_allowed');
    expect(seenBy()).toEqual(['guarded.example.net']);
  });
});

describe('a browser login without proof of the application', () => {
  /** Sends a login of T's for another host, as a phisher would, who then gets that one's token. */
  const phisher: Answerer = ({ url }) =>
    url.startsWith('/cdn-cgi')
      ? { status: 404 }
      : {
          status: 302,
          headers: {
            location: `https://acme.cloudflareaccess.com/cdn-cgi/access/login/app.example.com?kid=${audience}`,
            'www-authenticate': 'Cloudflare-Access',
            'cf-access-domain': 'app.example.com',
          },
        };
  it.each([
    ['attended', {}],
    ['headless', { CF_ACCESS_HEADLESS: '1' }],
    ['with the team pinned', { CF_ACCESS_TEAM_DOMAIN: 'acme' }],
  ])('opens nothing and sends nothing (%s)', async (_, more) => {
    hosts.answerWith(phisher);
    server = await startServer({ environment: { ...hosts.environment, ...more } });
    const url = 'https://evil.test/';
    const fetched = await server.call('access_fetch', { url });
    expect(fetched.json.error?.code).toBe('untrusted_authorization_server');
    expect(fetched.json.error?.next_step).toMatch(/Do not sign in there/);
    const asked = await server.call('authenticate', { url, force: true });
    expect(asked.json.error?.code).toBe('untrusted_authorization_server');
    const told = await server.call('detect_protection', { url });
    expect(told.json).toMatchObject({
      protection: 'browser_login',
      team_verified: false,
      sign_in: [],
    });
    expect(told.json.next_step).toMatch(/Do not sign in there/);
    expect(await server.opened()).toEqual([]);
    expect(hosts.reached.map(({ host }) => host)).not.toContain('acme.cloudflareaccess.com');
    await server.close();
  });

  it('goes on where the person vouches for the host', async () => {
    hosts.answerWith(phisher);
    server = await startServer({
      environment: { ...hosts.environment, CF_ACCESS_HOSTS: 'app.example.com' },
    });
    const { json } = await server.call('authenticate', {
      url: 'https://app.example.com/deep?delete=1',
      wait_seconds: 0,
    });
    expect(json).toMatchObject({ status: 'pending', method: 'browser_transfer' });
    expect(String(json.authorization_url)).toMatch(
      /^https:\/\/app\.example\.com\/cdn-cgi\/access\/cli\?/,
    );
    expect(String(json.authorization_url)).not.toContain('delete');
    await server.close();
  });
});
