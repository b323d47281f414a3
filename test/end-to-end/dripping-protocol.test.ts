/**
 * Protocol requests to peers over TLS that never come to an end: what a call asks for on its way ends
 * in the time that SECURITY.md names, with the host named, and its connection is let go.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Reached, Reply } from '../support/evil-host.ts';
import { eventually, startServer, type TestServer } from '../support/mcp-server.ts';
import { type NamedHosts, startNamedHosts } from '../support/named-hosts.ts';

const domain = 'example.com';
const team = 'drip.cloudflareaccess.com';
const transfer = 'transfer.example.org';
/** Resources by what drips on the way; the authorization server of each has the same name. */
const resources = [
  'resource',
  'resource-head',
  'server',
  'registration',
  'registration-too',
  'token',
  'device',
  'slow',
] as const;
const others = ['tls', 'tunnel', 'signed', 'keys', 'poll'] as const;
const issuerOf = (name: string) => `https://${name}.login.example`;
const urlOf = (name: string) => `https://${name}.${domain}/`;

let hosts: NamedHosts;
let server: TestServer;

beforeAll(async () => {
  hosts = await startNamedHosts([
    ...[...resources, ...others].map((name) => `${name}.${domain}`),
    ...resources.map((name) => new URL(issuerOf(name)).host),
    team,
    transfer,
  ]);
  hosts.stalled.tls.add(`tls.${domain}`);
  hosts.stalled.tunnel.add(`tunnel.${domain}`);
  hosts.answerWith(answer);
  server = await startServer({
    environment: {
      ...hosts.environment,
      CF_ACCESS_AUTHORIZATION_SERVERS: resources.map(issuerOf).join(' '),
      CF_ACCESS_HOSTS: `poll.${domain}`,
      CF_ACCESS_TRANSFER_URL: `https://${transfer}`,
    },
  });
});
afterAll(async () => {
  await server.close();
  await hosts.close();
});

const json = (document: object, status = 200): Reply => ({
  status,
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(document),
});

function answer(request: Reached): Reply {
  const { host } = request;
  if (host === transfer) return { status: 200, drips: 'body' };
  if (host === team) return { status: 200, drips: 'body' };
  const name = host.slice(0, host.indexOf('.'));
  const isServer = new URL(issuerOf(name)).host === host;
  const reply = isServer ? asServer(name, request) : asResource(name, request);
  return name === 'slow' ? { ...reply, afterMs: slowly(request) } : reply;
}

/** Each within its own bound, and together more than a minute. */
function slowly({ host, url }: Reached): number {
  return host === `slow.${domain}` && url === '/' ? 28_000 : 9_500;
}

function asServer(name: string, { url, method }: Reached): Reply {
  const issuer = issuerOf(name);
  const absent: Reply = { status: 404 };
  if (name === 'slow' && url.includes('oauth-authorization-server')) return absent;
  if (method === 'GET') {
    if (name === 'server') return { status: 200, drips: 'body' };
    return json({
      issuer,
      authorization_endpoint: `${issuer}/authorize`,
      token_endpoint: `${issuer}/token`,
      registration_endpoint: `${issuer}/register`,
      device_authorization_endpoint: `${issuer}/device`,
      response_types_supported: ['code'],
      code_challenge_methods_supported: ['S256'],
    });
  }
  if (url === '/register') {
    if (name.startsWith('registration')) return { status: 200, drips: 'body' };
    return json({ client_id: 'client', token_endpoint_auth_method: 'none' }, 201);
  }
  if (url === '/device') {
    return json({
      device_code: 'device-code',
      user_code: 'ABCD-1234',
      verification_uri: `${issuer}/activate`,
      expires_in: 600,
      interval: 1,
    });
  }
  return { status: 200, drips: 'body' };
}

function asResource(name: string, { url, headers }: Reached): Reply {
  const resource = `https://${name}.${domain}`;
  if (name === 'signed' || name === 'keys' || name === 'poll') {
    if (headers['cf-access-metadata-request'] === undefined) {
      const location = `https://${team}/cdn-cgi/access/login/${name}.${domain}?kid=${'c'.repeat(64)}`;
      return { status: 302, headers: { location } };
    }
    if (name === 'signed') return { status: 200, drips: 'head' };
    return name === 'poll' ? { status: 200 } : signedAnswer(`${name}.${domain}`);
  }
  const named = `${resource}/.well-known/oauth-protected-resource`;
  if (`${resource}${url}` !== named) {
    return { status: 401, headers: { 'www-authenticate': `Bearer resource_metadata="${named}"` } };
  }
  if (name === 'resource') return { status: 200, drips: 'body' };
  if (name === 'resource-head') return { status: 200, drips: 'head' };
  return json({ resource, authorization_servers: [issuerOf(name)] });
}

/** As Access gives it; whether the team has signed it, only its keys could tell. */
function signedAnswer(hostname: string): Reply {
  const claims = {
    type: 'match',
    hostname,
    auth_domain: team,
    aud: 'c'.repeat(64),
    iat: Math.floor(Date.now() / 1000),
  };
  const jwt = [{ alg: 'RS256', kid: 'one' }, claims, 'signature'].map((part) =>
    Buffer.from(JSON.stringify(part)).toString('base64url'),
  );
  return { status: 200, headers: { 'cf-access-metadata': jwt.join('.') } };
}

const reachedAt = (host: string, path?: string) =>
  hosts.reached.filter((each) => each.host === host && (path === undefined || each.url === path));

async function timed(tool: string, args: Record<string, unknown>) {
  const startedAt = performance.now();
  const { json: result } = await server.call(tool, args, 110_000);
  const { error, status } = result as typeof result & { status?: string };
  return { error, status, seconds: (performance.now() - startedAt) / 1000 };
}

describe.concurrent('what is asked on the way', () => {
  it.each([
    ['resource metadata', 'resource', `resource.${domain}`],
    ['a head of resource metadata', 'resource-head', `resource-head.${domain}`],
    ['server metadata', 'server', 'server.login.example'],
    ['a registration', 'registration', 'registration.login.example'],
    ['a signed answer', 'signed', `signed.${domain}`],
    ['the keys of a team', 'keys', team],
  ])('%s', { timeout: 60_000 }, async (_, name, host) => {
    const { error, seconds } = await timed('authenticate', { url: urlOf(name) });
    expect(error).toMatchObject({ code: 'timeout', message: expect.stringContaining(host) });
    expect(seconds).toBeGreaterThan(9);
    expect(seconds).toBeLessThan(25);
    // The far end learns of it a moment after the caller.
    await eventually(() => hosts.reached.find((each) => each.host === host && each.letGoAt));
  });

  it.each(['tls', 'tunnel'])('a connection without its %s', { timeout: 60_000 }, async (name) => {
    const { error, seconds } = await timed('authenticate', { url: urlOf(name) });
    const host = `${name}.${domain}`;
    expect(error).toMatchObject({ code: 'timeout', message: expect.stringContaining(host) });
    expect(seconds).toBeLessThan(25);
    await eventually(() => !hosts.connected().includes(host) || undefined, 15_000);
  });

  it('a token, after the person has signed in', { timeout: 60_000 }, async () => {
    const waiting = timed('authenticate', { url: urlOf('token'), wait_seconds: 50 });
    const opened = await eventually(
      async () => (await server.opened()).find((text) => text.includes('token.login.example')),
      20_000,
    );
    const request = new URL(opened);
    const back = new URL(request.searchParams.get('redirect_uri') ?? '');
    back.searchParams.set('code', 'code');
    back.searchParams.set('state', request.searchParams.get('state') ?? '');
    expect(await (await fetch(back)).text()).toContain('The sign-in failed');
    const { error } = await waiting;
    expect(error).toMatchObject({
      code: 'timeout',
      message: expect.stringContaining('token.login.example'),
    });
    await eventually(() => reachedAt('token.login.example', '/token')[0]?.letGoAt);
  });

  it('the polls for a device code', { timeout: 60_000 }, async () => {
    const args = { url: urlOf('device'), method: 'device', wait_seconds: 1 };
    expect((await timed('authenticate', args)).status).toBe('pending');
    // RFC 8628 §3.5: after a timeout there is another one, later.
    const polls = () => reachedAt('device.login.example', '/token');
    await eventually(() => polls().length > 1 || undefined, 30_000);
    await eventually(() => polls()[0]?.letGoAt);
  });

  it('the polls of a transfer', { timeout: 110_000 }, async () => {
    const { status, error } = await timed('authenticate', { url: urlOf('poll'), wait_seconds: 1 });
    expect({ status, error }).toEqual({ status: 'pending' });
    const startedAt = performance.now();
    await eventually(() => reachedAt(transfer).length > 1 || undefined, 80_000);
    expect((performance.now() - startedAt) / 1000).toBeGreaterThan(50);
    await eventually(() => reachedAt(transfer)[0]?.letGoAt);
  });

  it.each(['resource', 'registration-too'])(
    'all of it, within timeout_seconds (%s)',
    {
      timeout: 60_000,
    },
    async (name) => {
      const before = performance.now();
      const url = `${urlOf(name)}page`;
      const { error, seconds } = await timed('access_fetch', { url, timeout_seconds: 3 });
      expect(error).toMatchObject({ code: 'timeout' });
      expect(seconds).toBeLessThan(5);
      // A sign-in that has begun is there for others; what was asked for this call alone ends with it.
      if (name !== 'resource') return;
      const [dripped] = await eventually(() => {
        const found = reachedAt(`resource.${domain}`).filter(
          ({ letGoAt }) => letGoAt !== undefined && letGoAt < before + 6_000,
        );
        return found.length > 0 ? found : undefined;
      }, 3_000);
      expect(dripped?.url).toContain('oauth-protected-resource');
    },
  );

  it.each(['authenticate', 'get_token'])(
    'all of it, in a minute (%s)',
    {
      timeout: 110_000,
    },
    async (tool) => {
      const { error, seconds } = await timed(tool, { url: urlOf('slow') });
      expect(error).toMatchObject({
        code: tool === 'authenticate' ? 'timeout' : 'sign_in_required',
      });
      expect(seconds).toBeLessThan(64);
      if (tool === 'authenticate') expect(seconds).toBeGreaterThan(55);
    },
  );
});
