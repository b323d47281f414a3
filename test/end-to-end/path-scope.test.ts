/**
 * A credential that is for a path stays there, however the path is written, asserted at the sockets
 * that requests arrive at: sessions, applications with a wildcard, the service token's pair.
 */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ApplicationName } from '../../src/sandbox/catalogue.ts';
import { type Sandbox, startSandbox } from '../../src/sandbox/sandbox.ts';
import { signInAs } from '../../src/sandbox/team/person.ts';
import { createSigner } from '../cloudflare/signer.ts';
import { type Answerer, type EvilHost, startEvilHost } from '../support/evil-host.ts';
import { eventually, startServer, type TestServer } from '../support/mcp-server.ts';
import { startNamedHosts } from '../support/named-hosts.ts';

let server: TestServer;
afterEach(() => server.close());

/** What leads out of /app for one server or another. */
const waysOut = [
  '..%2fother',
  '..%2Fother',
  '%2e%2e%2fother',
  '..%5cother',
  '..%252fother',
  '%252e%252e/other',
  '..;/other',
  '..%3b/other',
  '..;a=b/other',
  'x/..%2f..%2fother',
];
const honest = ['v1.2;a=b', '100%25.txt', 'file%20name', 'a..b', 'group%2Fproject', 'x//y'];

describe('a session for a path', () => {
  let sandbox: Sandbox;
  beforeEach(async () => {
    sandbox = await startSandbox();
    server = await startServer({
      environment: { CF_ACCESS_TRANSFER_URL: sandbox.transfer.origin },
    });
  });
  afterEach(() => sandbox.close());

  const urlOf = (name: ApplicationName, path: string) =>
    sandbox.applications[name].url.origin + path;
  const signIn = async (name: ApplicationName, path: string) => {
    const url = urlOf(name, path);
    const before = (await server.opened()).length;
    const authenticating = server.call('authenticate', { url });
    const opened = await eventually(async () => (await server.opened())[before]);
    await signInAs(opened, sandbox.people[0] ?? '');
    const { json } = await authenticating;
    expect(json).toMatchObject({ status: 'authenticated' });
    return { resource: String(json.resource), opened: new URL(opened) };
  };
  const fetching = async (url: string) => {
    sandbox.clearRequests();
    const { json } = await server.call('access_fetch', { url, sign_in: false });
    return json;
  };
  const sent = () =>
    sandbox.requests.filter(
      ({ headers }) => headers.authorization ?? headers['cf-access-token'] ?? headers.cookie,
    );

  it.each([
    ['managed-oauth-path', '/admin', 'oauth'],
    ['browser-login-wildcard', '/wiki', 'cf_access_token'],
  ] as const)('of %s stays in %s', async (name, path, auth) => {
    const { resource } = await signIn(name, `${path}/start`);
    expect(resource).toBe(urlOf(name, path));
    for (const way of waysOut) {
      const answer = await fetching(urlOf(name, `${path}/${way}`));
      expect([way, sent()]).toEqual([way, []]);
      expect(sandbox.requests.length).toBeGreaterThan(0);
      expect(answer.error).toMatchObject({ code: 'invalid_input' });
      expect(answer.error?.message).toContain('“..”');
      expect(answer.error?.next_step).toContain('%2f');
      const token = await server.call('get_token', { url: urlOf(name, `${path}/${way}`) });
      expect(token.json.error?.code).toBeDefined();
    }
    for (const way of honest) {
      expect(await fetching(urlOf(name, `${path}/${way}`))).toMatchObject({ status: 200, auth });
      expect(sent()).toHaveLength(1);
    }
  });

  // The parser of Node 20 and 22 leaves these as they are, and servers do not.
  it('does not leave by a .. behind a segment that begins with a dot', async () => {
    await signIn('managed-oauth-path', '/admin/start');
    for (const path of ['/admin/.x/../../other', '/admin/.well-known/a/../.././../other']) {
      const answer = await fetching(urlOf('managed-oauth-path', path));
      expect(sandbox.requests.map(({ url }) => url)).toEqual(['/other']);
      expect(sent()).toEqual([]);
      expect(answer).toMatchObject({ auth: 'none' });
    }
    expect(await fetching(urlOf('managed-oauth-path', '/admin/.x/../page'))).toMatchObject({
      auth: 'oauth',
    });
    expect(sandbox.requests.map(({ url }) => url)).toEqual(['/admin/page']);
  });

  it.each(waysOut)('is not sent where a sibling’s redirect leads: /admin/%s', async (way) => {
    await signIn('managed-oauth-path', '/admin/start');
    const to = encodeURIComponent(`/admin/${way}`);
    const answer = await fetching(urlOf('managed-oauth-path', `/redirect?to=${to}`));
    expect(sandbox.requests.map(({ url }) => url)).toContain(`/admin/${way}`);
    expect(sent()).toEqual([]);
    expect(answer.error?.code).toBe('invalid_input');
  });

  it('nor is a sign-in under way joined or redeemed there, and every tool says why', async () => {
    const name = 'managed-oauth-path';
    const first = { url: urlOf(name, '/admin/start'), wait_seconds: 0 };
    const pending = await server.call('authenticate', first);
    expect(pending.json).toMatchObject({ status: 'pending' });
    // The browser is led on before the sign-in ends, with which the port is closed.
    const opened = await eventually(async () => (await server.opened())[0]);
    expect(pending.json.authorization_url).toBe(opened);
    const query = new URL(opened).searchParams;
    const callback = new URL(query.get('redirect_uri') ?? '');
    callback.search = new URLSearchParams({
      state: query.get('state') ?? '',
      code: 'x',
    }).toString();
    const url = urlOf(name, '/admin/..%2fother');
    const elsewhere = { url, wait_seconds: 0 };
    const joined = await server.call('authenticate', elsewhere);
    expect(joined.json.error?.code).toBe('invalid_input');
    const handed = { ...elsewhere, callback_url: callback.href };
    expect((await server.call('authenticate', handed)).json.error?.code).toBe('sign_in_expired');
    const { json } = await server.call('detect_protection', { url });
    expect(json.session).toMatchObject({ state: 'none' });
    expect(String(json.next_step)).toContain('%2f');
    // It waits on, as nothing was spent.
    await signInAs(opened, sandbox.people[0] ?? '');
    expect(await fetching(urlOf(name, '/admin/start'))).toMatchObject({ auth: 'oauth' });
    expect(await server.opened()).toHaveLength(1);
  });

  it('of an application with a wildcard covers just that application', async () => {
    const { opened } = await signIn('browser-login-wildcard', '/wiki/start?delete=1');
    const landing = new URL(opened.searchParams.get('redirect_url') ?? '');
    expect(landing.pathname).toBe('/wiki');
    expect(await fetching(urlOf('browser-login-wildcard', '/wiki/other/page'))).toMatchObject({
      auth: 'cf_access_token',
    });
    for (const path of ['/echo-all', '/', '/wikis/x', '/admin']) {
      const answer = await fetching(urlOf('browser-login-wildcard', path));
      expect([path, answer.auth]).toEqual([path, 'none']);
      expect(sent()).toEqual([]);
    }
  });

  it('of an application with half a name covers only what was asked for', async () => {
    const name = 'browser-login-partial-wildcard';
    const { resource, opened } = await signIn(name, '/wiki-old/delete/everything');
    expect(resource).toBe(urlOf(name, '/wiki-old'));
    expect(opened.href).not.toContain('delete');
    expect(await fetching(urlOf(name, '/wiki-old/page'))).toMatchObject({
      auth: 'cf_access_token',
    });
    expect(sent()).toHaveLength(1);
    for (const path of ['/echo-all', '/', '/admin']) {
      expect(await fetching(urlOf(name, path))).toMatchObject({ auth: 'none' });
      expect(sent()).toEqual([]);
    }
    // The rest of the application takes the person’s login at the team, and no second sign-in.
    expect(await fetching(urlOf(name, '/wiki/page'))).toMatchObject({ status: 200 });
    expect(await server.opened()).toHaveLength(1);
  });
});

const clientSecret = `cfast_${'A1'.repeat(24)}`;
const pair = {
  CF_ACCESS_CLIENT_ID: `${'ab'.repeat(16)}.access`,
  CF_ACCESS_CLIENT_SECRET: clientSecret,
};
const audience = 'e'.repeat(64);

describe('the service token’s pair', () => {
  let host: EvilHost;
  let asksForLogin = false;
  /** Two applications and an open page on one origin. `named`: whether the guard names its domain. */
  const answers =
    (named: boolean): Answerer =>
    ({ url, headers }) => {
      const application = /^\/(app|second)(?:\/|$)/.exec(url)?.[1];
      if (url === '/leads-out') return { status: 302, headers: { location: '/app/..%2fother' } };
      if (application === undefined) return { status: 200, body: 'open' };
      if (headers['cf-access-client-secret'] === clientSecret) {
        return { status: 200, headers: { 'set-cookie': 'own=1; Path=/app' }, body: 'in' };
      }
      if (asksForLogin) {
        const login = `/cdn-cgi/access/login/${headers.host}?kid=${audience}`;
        return { status: 302, headers: { location: login } };
      }
      const domain = named ? { 'cf-access-domain': `${headers.host}/${application}` } : {};
      return { status: 403, headers: { 'cf-access-aud': audience, ...domain } };
    };
  const start = async (named: boolean, environment: Record<string, string> = {}) => {
    host = await startEvilHost(answers(named));
    server = await startServer({
      environment: { ...pair, CF_ACCESS_HOSTS: `localhost:${host.url.port}`, ...environment },
    });
  };
  afterEach(() => {
    asksForLogin = false;
    return host.close();
  });
  const fetching = async (path: string) => {
    const { json } = await server.call('access_fetch', { url: host.url.origin + path });
    return json;
  };
  const seenAt = () =>
    host.reached
      .filter(({ headers }) => headers['cf-access-client-secret'] === clientSecret)
      .map(({ url }) => url);

  it('goes to the application that asked, and not to its siblings', async () => {
    await start(true);
    expect(await fetching('/app/one')).toMatchObject({ status: 200, auth: 'service_token' });
    expect(await fetching('/app/two')).toMatchObject({ status: 200, auth: 'service_token' });
    // Asked once: the whole application is known.
    expect(host.reached.map(({ url }) => url)).toEqual(['/app/one', '/app/one', '/app/two']);
    expect(await fetching('/open')).toMatchObject({ status: 200, auth: 'none' });
    expect(await fetching('/application')).toMatchObject({ status: 200, auth: 'none' });
    expect(await fetching('/')).toMatchObject({ status: 200, auth: 'none' });
    expect(seenAt()).toEqual(['/app/one', '/app/two']);
    // A sibling that asks itself gets it, and only from then on.
    expect(await fetching('/second/x')).toMatchObject({ status: 200, auth: 'service_token' });
    expect(seenAt()).toEqual(['/app/one', '/app/two', '/second/x']);
  });

  it('goes to the URL’s own path alone where nobody names the application', async () => {
    await start(false);
    expect(await fetching('/app/one')).toMatchObject({ status: 200, auth: 'service_token' });
    expect(await fetching('/app/one/more')).toMatchObject({ auth: 'service_token' });
    expect(await fetching('/open')).toMatchObject({ auth: 'none' });
    expect(seenAt()).toEqual(['/app/one', '/app/one/more']);
  });

  it('goes no further where nobody can sign in, and the host proves nothing', async () => {
    await start(false, { CF_ACCESS_HEADLESS: '1' });
    asksForLogin = true;
    expect(await fetching('/app/one')).toMatchObject({ status: 200, auth: 'service_token' });
    expect(await fetching('/open')).toMatchObject({ status: 200, auth: 'none' });
    expect(await fetching('/second/x')).toMatchObject({ status: 200, auth: 'service_token' });
    expect(seenAt()).toEqual(['/app/one', '/second/x']);
  });

  it.each(waysOut)('is not sent to /app/%s, nor where a redirect leads there', async (way) => {
    await start(true);
    await fetching('/app/one');
    expect((await fetching(`/app/${way}`)).error).toMatchObject({ code: 'invalid_input' });
    await fetching('/leads-out');
    expect(host.reached.map(({ url }) => url)).toContain('/app/..%2fother');
    expect(seenAt()).toEqual(['/app/one']);
    expect(host.reached.filter(({ headers }) => headers.cookie !== undefined)).toEqual([]);
    // Nor is the application’s own cookie for its path, which goes where it belongs.
    await fetching('/app/two');
    expect(host.reached.at(-1)?.headers.cookie).toBe('own=1');
  });

  it.each(honest)('works at /app/%s', async (name) => {
    await start(true);
    expect(await fetching(`/app/${name}`)).toMatchObject({ status: 200, auth: 'service_token' });
    expect(seenAt()).toEqual([`/app/${name}`]);
  });

  it('authenticate and get_token say for which part it is', async () => {
    await start(true);
    const url = `${host.url.origin}/app/one`;
    const { json } = await server.call('authenticate', { url, method: 'service_token' });
    expect(json).toMatchObject({ status: 'authenticated', resource: `${host.url.origin}/app` });
    expect(await fetching('/open')).toMatchObject({ auth: 'none' });
    const detected = await server.call('detect_protection', { url: `${host.url.origin}/second` });
    expect(detected.json.session).toMatchObject({ state: 'none' });
  });
});

describe('the pair at a host that the team vouches for', () => {
  const team = createSigner('team-key');
  const host = 'guarded.example.net';

  it('goes to the application that the signed answer names', async () => {
    const hosts = await startNamedHosts([host, 'acme.cloudflareaccess.com']);
    const proof = team.jwt({
      type: 'match',
      hostname: host,
      auth_domain: 'acme.cloudflareaccess.com',
      aud: audience,
      app_hostname: '*.example.net/app/*',
      iat: Math.floor(Date.now() / 1000),
    });
    hosts.answerWith(({ url, headers }) => {
      if (url === '/cdn-cgi/access/certs') {
        return { status: 200, body: JSON.stringify({ keys: [team.jwk] }) };
      }
      if (!url.startsWith('/app/')) return { status: 200, body: 'open' };
      if (headers['cf-access-client-secret'] === clientSecret) return { status: 200, body: 'in' };
      // Its own word would be for the whole host.
      const fields = { 'cf-access-aud': audience, 'cf-access-domain': host };
      const asked = headers['cf-access-metadata-request'] === 'true';
      return { status: 403, headers: asked ? { ...fields, 'cf-access-metadata': proof } : fields };
    });
    server = await startServer({
      environment: { ...hosts.environment, ...pair, CF_ACCESS_TEAM_DOMAIN: 'acme' },
    });
    try {
      const fetching = async (path: string) =>
        (await server.call('access_fetch', { url: `https://${host}${path}` })).json;
      expect(await fetching('/app/one')).toMatchObject({ status: 200, auth: 'service_token' });
      expect(await fetching('/app/two')).toMatchObject({ status: 200, auth: 'service_token' });
      expect(await fetching('/sibling')).toMatchObject({ status: 200, auth: 'none' });
      const seen = hosts.reached.filter(({ headers }) => headers['cf-access-client-secret']);
      expect(seen.map(({ url }) => url)).toEqual(['/app/one', '/app/two']);
    } finally {
      await hosts.close();
    }
  });
});
