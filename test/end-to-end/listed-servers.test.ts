/**
 * Authorization servers that the person lists: where their tokens may go, and what one that does not
 * name itself in its answers is told apart by. Every host here is reached over TLS, by its name.
 */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Reply } from '../support/evil-host.ts';
import { eventually, spawnServer, startServer, type TestServer } from '../support/mcp-server.ts';
import { type NamedHosts, startNamedHosts } from '../support/named-hosts.ts';

const issuer = 'https://login.example.org';
const [own, foreign] = ['https://api.example.com', 'https://evil.example.net'];
const jwt = (aud: unknown) =>
  [{ alg: 'RS256' }, { aud, iss: issuer }, 'signature']
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.');

let hosts: NamedHosts;
let server: TestServer | undefined;
/** What the listed server's token endpoint answers, beyond the token's type. */
let token: Record<string, unknown>;
let metadata: Record<string, unknown>;

beforeEach(async () => {
  token = { access_token: 'opaque-token' };
  metadata = {};
  hosts = await startNamedHosts(['login.example.org', 'api.example.com', 'evil.example.net']);
  const json = (document: object, status = 200): Reply => ({
    status,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(document),
  });
  hosts.answerWith(({ host, url, headers }) => {
    if (host === 'login.example.org') {
      if (url === '/token') return json({ token_type: 'bearer', expires_in: 600, ...token });
      if (url === '/register') {
        return json({ client_id: 'client', token_endpoint_auth_method: 'none' }, 201);
      }
      if (url === '/device') {
        return json({
          device_code: 'device-code',
          user_code: 'ABCD-1234',
          verification_uri: `${issuer}/activate`,
          expires_in: 60,
          interval: 1,
        });
      }
      return json({
        issuer,
        authorization_endpoint: `${issuer}/authorize`,
        token_endpoint: `${issuer}/token`,
        registration_endpoint: `${issuer}/register`,
        response_types_supported: ['code'],
        code_challenge_methods_supported: ['S256'],
        ...metadata,
      });
    }
    const resource = `https://${host}`;
    const named = `${resource}/.well-known/oauth-protected-resource`;
    if (`${resource}${url}` === named) return json({ resource, authorization_servers: [issuer] });
    return headers.authorization === `Bearer ${token.access_token}`
      ? { status: 200, body: 'let in' }
      : { status: 401, headers: { 'www-authenticate': `Bearer resource_metadata="${named}"` } };
  });
});
afterEach(async () => {
  await server?.close();
  server = undefined;
  await hosts.close();
});

const start = async (entries: string, dataDir?: string) => {
  server = await startServer({
    environment: { ...hosts.environment, CF_ACCESS_AUTHORIZATION_SERVERS: entries },
    ...(dataDir === undefined ? {} : { dataDir }),
  });
  return server;
};
/** The person signs in at the nth address that was opened; gives the page that they end on. */
async function personSignsIn(by: TestServer, nth = 1, more: Record<string, string> = {}) {
  const opened = new URL(await eventually(async () => (await by.opened())[nth - 1]));
  expect(opened.origin).toBe(issuer);
  const back = new URL(opened.searchParams.get('redirect_uri') ?? '');
  const state = opened.searchParams.get('state') ?? '';
  back.search = new URLSearchParams({ code: 'the-code', state, ...more }).toString();
  return (await fetch(back)).text();
}
const fetches = async (by: TestServer, url: string, more?: Record<string, string>) => {
  const fetching = by.call('access_fetch', { url });
  const page = await personSignsIn(by, 1, more);
  return { page, json: (await fetching).json };
};
/** The hosts at whose sockets the token arrived. */
const seenBy = () =>
  new Set(hosts.reached.filter(({ headers }) => headers.authorization).map(({ host }) => host));

describe('a token of a listed server that does not say whom it is for', () => {
  it('goes to no host that the person has not bound to the server, and the setting is shown', async () => {
    const by = await start(`${issuer}=api.example.com`);
    const { json, page } = await fetches(by, `${foreign}/`);
    const entry = `${issuer}=api.example.com+evil.example.net`;
    expect(json.error).toMatchObject({
      code: 'untrusted_authorization_server',
      next_step: expect.stringContaining(entry),
    });
    expect(json.error?.next_step).toContain('CF_ACCESS_AUTHORIZATION_SERVERS');
    expect(page).toContain('The sign-in failed');
    expect(seenBy()).toEqual(new Set());
    // It is known by now: nobody signs in a second time for the same end.
    const again = await by.call('authenticate', { url: `${foreign}/` });
    expect(again.json.error).toMatchObject({ code: 'untrusted_authorization_server' });
    expect(await by.opened()).toHaveLength(1);
    // The entry that was shown is the one that helps.
    await by.close();
    const { json: helped } = await fetches(await start(entry, by.dataDir), `${foreign}/`);
    expect(helped).toMatchObject({ status: 200, auth: 'oauth' });
  });

  it('is held to the same after a device code', async () => {
    metadata = { device_authorization_endpoint: `${issuer}/device` };
    const by = await start(issuer);
    const { json } = await by.call('authenticate', { url: `${own}/`, method: 'device' });
    expect(json.error).toMatchObject({
      code: 'untrusted_authorization_server',
      next_step: expect.stringContaining(`${issuer}=api.example.com`),
    });
    expect(seenBy()).toEqual(new Set());
    token = { access_token: jwt(own) };
    const bound = await startServer({
      environment: { ...hosts.environment, CF_ACCESS_AUTHORIZATION_SERVERS: issuer },
    });
    const signedIn = await bound.call('authenticate', { url: `${own}/`, method: 'device' });
    expect(signedIn.json).toMatchObject({ status: 'authenticated', authorization_server: issuer });
    await bound.close();
  });

  it('goes to a host that is bound, and no more when it is not bound any longer', async () => {
    const by = await start(`${issuer}=*.example.com`);
    expect((await fetches(by, `${own}/`)).json).toMatchObject({ status: 200, auth: 'oauth' });
    expect(seenBy()).toEqual(new Set(['api.example.com']));
    hosts.reached.splice(0);
    const unbound = await startServer({
      dataDir: by.dataDir,
      environment: { ...hosts.environment, CF_ACCESS_AUTHORIZATION_SERVERS: issuer },
    });
    const { json } = await unbound.call('access_fetch', { url: `${own}/`, sign_in: false });
    expect(json.error?.code).toBe('sign_in_required');
    expect(seenBy()).toEqual(new Set());
    await unbound.close();
  });
});

describe('a token answer of a listed server', () => {
  it.each([
    ['its resource', () => ({ access_token: 'opaque', resource: `${own}/` })],
    ['a JWT’s audience', () => ({ access_token: jwt(own) })],
    ['one of a JWT’s audiences', () => ({ access_token: jwt([`${issuer}/userinfo`, own]) })],
  ])('may say by %s whom it is for, and then no host is bound', async (_, answer) => {
    token = answer();
    const by = await start(issuer);
    const { json, page } = await fetches(by, `${own}/`);
    expect(json).toMatchObject({ status: 200, auth: 'oauth' });
    expect(page).toContain(`You signed in at <strong>${issuer}</strong>`);
    expect(seenBy()).toEqual(new Set(['api.example.com']));
    // A new process takes it from the disk.
    const other = await startServer({
      dataDir: by.dataDir,
      environment: { ...hosts.environment, CF_ACCESS_AUTHORIZATION_SERVERS: issuer },
    });
    expect((await other.call('access_fetch', { url: `${own}/` })).json.status).toBe(200);
    await other.close();
  });

  it.each([
    ['another host’s name', () => ({ access_token: jwt('https://api.example.com.evil.test') })],
    ['the server’s own', () => ({ access_token: jwt([issuer]) })],
    ['a number', () => ({ access_token: jwt(7) })],
    ['no JWT', () => ({ access_token: 'a.b.c' })],
    ['another path', () => ({ access_token: 'x', resource: `${own}/admin` })],
  ])('does not say it by %s', async (_, answer) => {
    token = answer();
    const by = await start(issuer);
    const { json } = await fetches(by, `${own}/`);
    expect(json.error?.code).toBe('untrusted_authorization_server');
    expect(seenBy()).toEqual(new Set());
  });

  it.each([
    ['another origin', `${foreign}/`],
    ['no URL', 'urn:somebody'],
    ['nothing that a resource could be', 7],
  ])('whose resource is %s is refused, although the host is bound', async (_, resource) => {
    token = { access_token: jwt(own), resource };
    const by = await start(`${issuer}=api.example.com`);
    const { json } = await fetches(by, `${own}/`);
    expect(json.error?.code).toBe('token_rejected');
    expect(seenBy()).toEqual(new Set());
  });

  it('is refused in a refresh as well, and the session ends', async () => {
    token = { access_token: 'first', refresh_token: 'r1', resource: own, expires_in: 1 };
    const by = await start(issuer);
    const { json } = await fetches(by, `${own}/`);
    expect(json.status).toBe(200);
    token = { access_token: 'second', refresh_token: 'r2' };
    const refused = await eventually(async () => {
      const answer = await by.call('access_fetch', { url: `${own}/`, sign_in: false });
      return answer.isError ? answer.json : undefined;
    });
    expect(refused.error?.code).toBe('sign_in_required');
    const sent = hosts.reached.map(({ headers }) => headers.authorization);
    expect(sent).not.toContain('Bearer second');
  });
});

describe('a listed server that promises no iss (RFC 9207)', () => {
  it('is told apart once in the log, when it is first used', async () => {
    token = { access_token: jwt(own) };
    const by = await start(issuer);
    await by.call('detect_protection', { url: `${own}/` });
    await fetches(by, `${own}/`);
    const lines = by.stderr().split('\n');
    const told = lines.filter((line) => line.includes('RFC 9207') && line.includes(issuer));
    expect(told).toHaveLength(1);
    expect(told[0]).toContain('trusted with sign-ins everywhere');
  });

  it('is told apart by the doctor, with and without a URL', async () => {
    for (const promised of [false, true]) {
      metadata = { authorization_response_iss_parameter_supported: promised };
      const child = spawnServer(
        {
          ...hosts.environment,
          HOME: '/nonexistent',
          CF_ACCESS_DATA_DIR: '/nonexistent/data',
          CF_ACCESS_AUTHORIZATION_SERVERS: issuer,
        },
        ['doctor', '--json'],
      );
      let printed = '';
      child.stdout.on('data', (part) => {
        printed += part;
      });
      await child.ended;
      const { findings } = JSON.parse(printed) as { findings: { name: string; state: string }[] };
      const found = findings.filter(({ name }) => name === 'Listed server');
      expect(found).toMatchObject([
        { state: promised ? 'ok' : 'warn', text: expect.stringContaining(issuer) },
      ]);
    }
  });

  it('names itself in the result of a sign-in', async () => {
    token = { access_token: jwt(own) };
    const by = await start(issuer);
    const signingIn = by.call('authenticate', { url: `${own}/` });
    await personSignsIn(by);
    expect((await signingIn).json).toMatchObject({
      status: 'authenticated',
      authorization_server: issuer,
      next_step: expect.stringContaining(issuer),
    });
  });
});

describe('a listed server that promises iss', () => {
  it.each([
    ['without it', {}],
    ['with that of the server that a sign-in was passed on to', { iss: 'https://honest.example' }],
  ])('is brought no code that comes back %s', async (_, more: Record<string, string>) => {
    metadata = { authorization_response_iss_parameter_supported: true };
    token = { access_token: jwt(own) };
    const by = await start(issuer);
    const { json } = await fetches(by, `${own}/`, more);
    expect(json.error?.code).toBe('invalid_server_metadata');
    expect(hosts.reached.filter(({ url }) => url === '/token')).toEqual([]);
  });

  it('signs people in, and is not told apart', async () => {
    metadata = { authorization_response_iss_parameter_supported: true };
    token = { access_token: jwt(own) };
    const by = await start(issuer);
    const { json } = await fetches(by, `${own}/`, { iss: issuer });
    expect(json).toMatchObject({ status: 200, auth: 'oauth' });
    expect(by.stderr()).not.toContain('RFC 9207');
  });
});
