/** Browser transfer through the built server: one login for a team, and every way it can go wrong. */
import { generateKeyPairSync } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ApplicationName } from '../../src/sandbox/catalogue.ts';
import type { SandboxOptions } from '../../src/sandbox/options.ts';
import { type Sandbox, startSandbox } from '../../src/sandbox/sandbox.ts';
import type { Fault, FaultHook } from '../../src/sandbox/server/fault.ts';
import { exportPublicKey, seal } from '../../src/sandbox/team/nacl-box.ts';
import { type Cookies, signInAs } from '../../src/sandbox/team/person.ts';
import { createSigner } from '../cloudflare/signer.ts';
import { startEvilHost } from '../support/evil-host.ts';
import { eventually, spawnServer, startServer, type TestServer } from '../support/mcp-server.ts';

let sandbox: Sandbox;
let server: TestServer;

async function start(options: SandboxOptions = {}, environment: Record<string, string> = {}) {
  sandbox = await startSandbox(options);
  server = await startServer({
    environment: { CF_ACCESS_TRANSFER_URL: sandbox.transfer.origin, ...environment },
  });
}
afterEach(async () => {
  await server.close();
  await sandbox.close();
});

const urlOf = (name: ApplicationName, path = '/echo') =>
  new URL(path, sandbox.applications[name].url).href;
const openedUrl = (times = 1) =>
  eventually(async () => {
    const urls = await server.opened();
    return urls.length >= times ? urls[times - 1] : undefined;
  });
const personSignsIn = async (times = 1, cookies?: Cookies) =>
  signInAs(await openedUrl(times), sandbox.people[0] ?? '', cookies ? { cookies } : {});

describe('a sign-in by browser transfer', () => {
  beforeEach(() => start());

  it('brings access_fetch to the page, with the application’s JWT and nothing else', async () => {
    const fetching = server.call('access_fetch', { url: urlOf('browser-login', '/echo-all') });
    expect((await personSignsIn()).page).toContain('signed in as');
    const { json, body } = await fetching;
    expect(json).toMatchObject({ status: 200, auth: 'cf_access_token' });
    const sent = sandbox.requests.filter(({ headers }) => headers['cf-access-token'] !== undefined);
    expect(sent.map(({ host }) => host)).toEqual(['browser-login']);
    expect(Object.keys(sent[0]?.headers ?? {})).not.toContain('cookie');
    expect(body).not.toMatch(/eyJ/);
    expect(await server.opened()).toHaveLength(1);
  });

  it('opens the URL that cloudflared would, for the application and not for the agent’s path', async () => {
    const url = urlOf('browser-login', '/delete/everything?now=1');
    const { json } = await server.call('authenticate', { url, wait_seconds: 0 });
    expect(json).toMatchObject({ status: 'pending', method: 'browser_transfer' });
    const opened = new URL(await openedUrl());
    expect(json.authorization_url).toBe(opened.href);
    expect(json.next_step).toContain(opened.href);
    expect(opened.pathname).toBe('/cdn-cgi/access/cli');
    expect([...opened.searchParams.keys()]).toEqual([
      'aud',
      'close_interstitial',
      'edge_token_transfer',
      'redirect_url',
      'send_org_token',
      'token',
    ]);
    expect(opened.searchParams.get('token')).toMatch(/^[\w-]{43}=$/);
    expect(opened.search).toContain('%3D');
    expect(opened.href).not.toContain('delete');
  });

  it('is pending, joined by a second call, and survives the first one being cancelled', async () => {
    const url = urlOf('browser-login');
    const progress: string[] = [];
    const leaving = new AbortController();
    const first = server.client
      .callTool({ name: 'authenticate', arguments: { url } }, undefined, {
        signal: leaving.signal,
        onprogress: ({ message }) => progress.push(message ?? ''),
      })
      .catch((error: unknown) => error);
    // The first progress is told after five seconds.
    await eventually(() => (progress.length > 0 ? true : undefined), 20_000);
    leaving.abort();
    await first;
    expect(progress[0]).toContain(sandbox.team.host);
    const second = await server.call('authenticate', { url, wait_seconds: 0 });
    expect(second.json).toMatchObject({ status: 'pending', method: 'browser_transfer' });
    expect(second.json.authorization_url).toBe(await openedUrl());
    const third = server.call('authenticate', { url });
    const fourth = server.call('access_fetch', { url });
    await personSignsIn();
    expect((await third).json).toMatchObject({
      status: 'authenticated',
      method: 'browser_transfer',
    });
    expect((await fourth).json).toMatchObject({ status: 200, auth: 'cf_access_token' });
    expect(await server.opened()).toHaveLength(1);
  });

  it('is joined by another process, which is not told the secret URL', async () => {
    const url = urlOf('browser-login');
    await server.call('authenticate', { url, wait_seconds: 0 });
    const other = await startServer({
      dataDir: server.dataDir,
      environment: { CF_ACCESS_TRANSFER_URL: sandbox.transfer.origin },
    });
    const joined = await other.call('authenticate', { url, wait_seconds: 0 });
    expect(joined.json).toMatchObject({ status: 'pending', authorization_url: null });
    const waiting = other.call('authenticate', { url });
    await personSignsIn();
    expect((await waiting).json).toMatchObject({ status: 'authenticated' });
    expect((await other.call('access_fetch', { url })).json).toMatchObject({ status: 200 });
    expect(await other.opened()).toEqual([]);
    await other.close();
  });

  it('never writes the transfer’s key to disk', async () => {
    await server.call('authenticate', { url: urlOf('browser-login'), wait_seconds: 0 });
    const key = new URL(await openedUrl()).searchParams.get('token') ?? '';
    const names = await readdir(server.dataDir, { recursive: true, withFileTypes: true });
    const texts = await Promise.all(
      names
        .filter((entry) => entry.isFile())
        .map((entry) => readFile(join(entry.parentPath, entry.name), 'utf8')),
    );
    expect(texts.length).toBeGreaterThan(0);
    expect([...texts, ...names.map(({ name }) => name)].join('\n')).not.toContain(key.slice(0, 43));
  });

  it('without a browser here can be finished anywhere, and asks for nothing to be copied back', async () => {
    const mute = await startServer({
      browser: '/nonexistent/browser',
      environment: { CF_ACCESS_TRANSFER_URL: sandbox.transfer.origin },
    });
    const url = urlOf('browser-login');
    const { json } = await mute.call('authenticate', { url });
    expect(json).toMatchObject({ status: 'pending', method: 'browser_transfer' });
    expect(json.next_step).toContain(json.authorization_url);
    expect(json.next_step).not.toContain('callback_url');
    const joined = mute.call('authenticate', { url });
    await signInAs(String(json.authorization_url), sandbox.people[0] ?? '');
    expect((await joined).json).toMatchObject({ status: 'authenticated' });
    await mute.close();
  });

  it('gives get_token the application’s JWT, with its own expiry', async () => {
    const url = urlOf('browser-login');
    expect((await server.call('get_token', { url })).json.error?.code).toBe('sign_in_required');
    const signingIn = server.call('authenticate', { url });
    await personSignsIn();
    await signingIn;
    const { json } = await server.call('get_token', { url });
    expect(json).toMatchObject({ resource: new URL('/', url).href, header: 'cf-access-token' });
    const claims = JSON.parse(
      Buffer.from(String(json.value).split('.')[1] ?? '', 'base64url').toString(),
    );
    expect(claims).toMatchObject({ aud: [sandbox.applications['browser-login'].audience] });
    expect(Date.parse(String(json.expires_at))).toBe(claims.exp * 1000);
    const answer = await fetch(url, { headers: { [String(json.header)]: String(json.value) } });
    expect(answer.status).toBe(200);
    const detected = await server.call('detect_protection', { url });
    expect(detected.json.session).toMatchObject({ state: 'active', method: 'browser_transfer' });
    expect(detected.json.next_step).toMatch(/^Call access_fetch/);
  });
});

describe('one login for the team', () => {
  it('serves the second application without the person', async () => {
    await start();
    const signingIn = server.call('authenticate', { url: urlOf('browser-login') });
    await personSignsIn();
    await signingIn;
    for (const name of ['browser-login-second', 'browser-login-path-relative'] as const) {
      const { json } = await server.call('access_fetch', { url: urlOf(name) });
      expect(json).toMatchObject({ status: 200, auth: 'cf_access_token' });
    }
    const orgTokens = sandbox.requests.filter(
      ({ headers }) =>
        headers['user-agent'] === 'cloudflare-access-mcp' &&
        String(headers.cookie ?? '').includes('CF_Authorization'),
    );
    expect(new Set(orgTokens.map(({ host }) => host))).toEqual(new Set(['team']));
    expect(await server.opened()).toHaveLength(1);
  });

  it('renews a JWT that has expired or is refused, and asks the person when the team has forgotten them', async () => {
    await start({ applicationSessionSeconds: 2 });
    const url = urlOf('browser-login');
    const signingIn = server.call('access_fetch', { url });
    await personSignsIn();
    expect((await signingIn).json.status).toBe(200);
    const first = (await server.call('get_token', { url, min_ttl_seconds: 0 })).json.value;
    await eventually(async () => {
      const { json } = await server.call('get_token', { url, min_ttl_seconds: 0 });
      return json.value !== first ? true : undefined;
    });
    sandbox.expireAccessTokens();
    expect((await server.call('access_fetch', { url })).json).toMatchObject({ status: 200 });
    expect(await server.opened()).toHaveLength(1);
    sandbox.endGrants();
    const again = server.call('access_fetch', { url });
    await personSignsIn(2);
    expect((await again).json).toMatchObject({ status: 200, auth: 'cf_access_token' });
    expect(await server.opened()).toHaveLength(2);
  });

  it('is over for every server within seconds when the person signs out on the command line', async () => {
    await start();
    const url = urlOf('browser-login');
    const signingIn = server.call('access_fetch', { url });
    await personSignsIn();
    expect((await signingIn).json.status).toBe(200);
    const environment = { HOME: server.dataDir, CF_ACCESS_DATA_DIR: server.dataDir };
    const [code] = await spawnServer(environment, ['logout', '--all']).ended;
    expect(code).toBe(0);
    await eventually(async () => {
      const { json } = await server.call('get_token', { url });
      return json.error?.code === 'sign_in_required' ? true : undefined;
    });
    const sent = sandbox.requests.length;
    await server.call('access_fetch', { url, sign_in: false });
    for (const { headers } of sandbox.requests.slice(sent)) {
      expect(headers['cf-access-token']).toBeUndefined();
    }
  });

  it('gives get_token a JWT that lives as long as asked, or the longest there is, and asks nobody', async () => {
    await start({ applicationSessionSeconds: 60 });
    const url = urlOf('browser-login');
    const token = async (seconds: number) =>
      (await server.call('get_token', { url, min_ttl_seconds: seconds })).json;
    const signingIn = server.call('authenticate', { url });
    await personSignsIn();
    await signingIn;
    const first = (await token(0)).value;
    const longer = await eventually(async () => {
      const { value } = await token(3600);
      return value !== first ? value : undefined;
    });
    expect((await token(0)).value).toBe(longer);
    sandbox.endGrants();
    expect((await token(3600)).value).toBe(longer);
    expect((await server.call('authenticate', { url })).json).toMatchObject({
      status: 'authenticated',
    });
    expect(await server.opened()).toHaveLength(1);
  });

  it('tries another JWT when a 401 may mean that it is refused, and asks nobody (§5.6)', async () => {
    let refused = '';
    await start({
      fault: ({ host, headers }) =>
        host === 'browser-login' && refused !== '' && headers['cf-access-token'] === refused
          ? { status: 401, body: 'expired' }
          : undefined,
    });
    const url = urlOf('browser-login');
    const signingIn = server.call('authenticate', { url });
    await personSignsIn();
    await signingIn;
    refused = String((await server.call('get_token', { url })).json.value);
    expect((await server.call('access_fetch', { url })).json).toMatchObject({ status: 200 });
    const own = await server.call('access_fetch', { url: urlOf('browser-login', '/status/401') });
    expect(own.json).toMatchObject({ status: 401, auth: 'cf_access_token' });
    expect(await server.opened()).toHaveLength(1);
  });
});

describe('a transfer that goes wrong', () => {
  const receiverOf = (url: string) =>
    Buffer.from(url.split('/').at(-1)?.replaceAll('%3D', '=') ?? '', 'base64url');
  const onPoll =
    (fault: (url: string) => Fault | undefined): FaultHook =>
    ({ what, url }) =>
      what === 'transfer_poll' ? fault(url) : undefined;
  const deliver = (url: string, message: string): Fault => {
    const { privateKey } = generateKeyPairSync('x25519');
    return {
      status: 200,
      headers: {
        'service-public-key': `${exportPublicKey(privateKey).toString('base64url')}=`,
      },
      body: seal(Buffer.from(message), receiverOf(url), privateKey).toString('base64'),
    };
  };
  const signer = createSigner('any');
  const token = (claims: object) => signer.jwt({ type: 'app', ...claims });
  const soon = () => Math.floor(Date.now() / 1000) + 600;

  const failures: [what: string, fault: (url: string) => Fault, says: RegExp][] = [
    [
      'a sender’s key that is not the sender’s',
      (url) => {
        const { privateKey } = generateKeyPairSync('x25519');
        const key = `${exportPublicKey(privateKey).toString('base64url')}=`;
        return { ...deliver(url, '{}'), headers: { 'service-public-key': key } };
      },
      /was not sealed for this sign-in/,
    ],
    ['no sender’s key', (url) => ({ ...deliver(url, '{}'), headers: {} }), /sender’s key/],
    [
      'a box for somebody else',
      () => {
        const stranger = generateKeyPairSync('x25519');
        return deliver(exportPublicKey(stranger.privateKey).toString('base64url'), '{}');
      },
      /was not sealed for this sign-in/,
    ],
    ['a truncated box', (url) => ({ ...deliver(url, '{}'), body: 'AAAAAAAA' }), /cut short/],
    ['a box that is no base64', (url) => ({ ...deliver(url, '{}'), body: '<html>' }), /not base64/],
    ['no token', (url) => deliver(url, '{"org_token":"x"}'), /holds no token/],
    ['no JSON', (url) => deliver(url, 'hello'), /holds no token/],
    [
      'a JWT of another application',
      (url) =>
        deliver(
          url,
          JSON.stringify({
            app_token: token({ aud: ['f'.repeat(64)], iss: sandbox.team.origin, exp: soon() }),
          }),
        ),
      /for another application/,
    ],
    [
      'a JWT of another team',
      (url) =>
        deliver(
          url,
          JSON.stringify({
            app_token: token({
              aud: [sandbox.applications['browser-login'].audience],
              iss: 'https://other.cloudflareaccess.com',
              exp: soon(),
            }),
          }),
        ),
      /another team/,
    ],
    [
      'a JWT that has expired',
      (url) =>
        deliver(
          url,
          JSON.stringify({
            app_token: token({
              aud: [sandbox.applications['browser-login'].audience],
              iss: sandbox.team.origin,
              exp: 1,
            }),
          }),
        ),
      /has expired/,
    ],
  ];
  it.each(failures)('%s is token_rejected, and nothing is kept', async (_, fault, says) => {
    await start({ fault: onPoll((url) => fault(url)) });
    const url = urlOf('browser-login');
    const { json } = await server.call('authenticate', { url });
    expect(json.error?.code).toBe('token_rejected');
    expect(json.error?.message).toMatch(says);
    const { json: detected } = await server.call('detect_protection', { url });
    expect(detected.session).toMatchObject({ state: 'none' });
    expect(JSON.stringify(json) + server.stderr()).not.toContain(
      new URL(await openedUrl()).searchParams.get('token')?.slice(0, 43),
    );
  });

  it('a service that fails is temporarily_unavailable within seconds', async () => {
    await start({ fault: onPoll(() => ({ status: 503 })) });
    const { json } = await server.call('authenticate', { url: urlOf('browser-login') }, 15_000);
    expect(json.error?.code).toBe('temporarily_unavailable');
  });

  it('a service that cannot be reached is a network_error within seconds', async () => {
    // A port that was just left could be the sandbox's next one; nobody listens on this one.
    await start({}, { CF_ACCESS_TRANSFER_URL: 'http://localhost:1' });
    const { json } = await server.call('authenticate', { url: urlOf('browser-login') }, 15_000);
    expect(json.error?.code).toBe('network_error');
    expect(JSON.stringify(json)).not.toContain(
      new URL(await openedUrl()).searchParams.get('token')?.slice(0, 43),
    );
  });

  it('a cut connection or two are survived', async () => {
    let cuts = 2;
    await start({ fault: onPoll(() => (cuts-- > 0 ? { reset: true } : undefined)) });
    const signingIn = server.call('authenticate', { url: urlOf('browser-login') });
    await eventually(() => (cuts <= 0 ? true : undefined));
    await personSignsIn();
    expect((await signingIn).json).toMatchObject({ status: 'authenticated' });
  });

  it('“not yet” at once, for ever, is asked for again with pauses, and stays pending', async () => {
    await start({ transferHoldMs: 0 });
    const { json } = await server.call('authenticate', {
      url: urlOf('browser-login'),
      wait_seconds: 4,
    });
    expect(json).toMatchObject({ status: 'pending' });
    const polls = sandbox.requests.filter(({ what }) => what === 'transfer_poll');
    expect(polls.length).toBeGreaterThan(1);
    expect(polls.length).toBeLessThan(8);
  });

  it('a program on this machine does not get the token of a team elsewhere', async () => {
    const aud = 'b'.repeat(64);
    await start({
      fault: onPoll((url) =>
        deliver(
          url,
          JSON.stringify({
            app_token: token({ aud: [aud], iss: 'https://acme.cloudflareaccess.com', exp: soon() }),
          }),
        ),
      ),
    });
    const host = await startEvilHost(() => ({
      status: 302,
      headers: { location: `/cdn-cgi/access/login/app.example.com?kid=${aud}` },
    }));
    const { json } = await server.call('access_fetch', { url: host.url.href });
    expect(json.error?.code).toBe('token_rejected');
    expect(host.reached.some(({ headers }) => headers['cf-access-token'] !== undefined)).toBe(
      false,
    );
    await host.close();
  });
});

describe('an application that refuses what it has just given', () => {
  it('is token_rejected after one login, not a loop of them', async () => {
    await start({
      organisationSessionSeconds: 0.001, // nothing that could be exchanged instead
      fault: ({ host, headers }) =>
        host === 'browser-login' && headers['cf-access-token'] !== undefined
          ? {
              status: 302,
              headers: {
                location: `${sandbox.team.origin}/cdn-cgi/access/login/x?kid=${sandbox.applications['browser-login'].audience}`,
              },
            }
          : undefined,
    });
    const fetching = server.call('access_fetch', { url: urlOf('browser-login') });
    const visiting = eventually(async () => (await server.opened()).length > 0 || undefined);
    await visiting;
    await personSignsIn();
    const { json } = await fetching;
    expect(json.error?.code).toBe('token_rejected');
    expect(await server.opened()).toHaveLength(1);
  });
});
