/**
 * Whose tokens are believed, and who is asked for them: a path that looks like another host, an
 * application that answers with somebody else's token, a token that its team never signed.
 */

import { generateKeyPairSync } from 'node:crypto';
import { afterEach, describe, expect, it } from 'vitest';
import type { ApplicationName } from '../../src/sandbox/catalogue.ts';
import type { SandboxOptions } from '../../src/sandbox/options.ts';
import { type Sandbox, startSandbox } from '../../src/sandbox/sandbox.ts';
import { exportPublicKey, seal } from '../../src/sandbox/team/nacl-box.ts';
import { type Cookies, signInAs } from '../../src/sandbox/team/person.ts';
import { createSigner } from '../cloudflare/signer.ts';
import { credentialsIn, startEvilHost } from '../support/evil-host.ts';
import { eventually, startServer, type TestServer } from '../support/mcp-server.ts';
import { startNamedHosts } from '../support/named-hosts.ts';

let sandbox: Sandbox;
let server: TestServer;

async function start(options: SandboxOptions = {}) {
  sandbox = await startSandbox(options);
  server = await startServer({ environment: { CF_ACCESS_TRANSFER_URL: sandbox.transfer.origin } });
}
afterEach(async () => {
  await server.close();
  await sandbox.close();
});

const [ada = '', grace = ''] = ['ada@example.com', 'grace@example.com'];
const second = 'browser-login-second';
const urlOf = (name: ApplicationName, path = '/echo') =>
  sandbox.applications[name].url.origin + path;
const openedUrl = () => eventually(async () => (await server.opened()).at(-1));
/** Ada signs in to the first application: from now on her org token is kept. */
async function adaSignsIn() {
  const signingIn = server.call('authenticate', { url: urlOf('browser-login') });
  await signInAs(await openedUrl(), ada);
  expect((await signingIn).json).toMatchObject({ status: 'authenticated' });
}
const sentTokens = () =>
  sandbox.requests.flatMap(({ headers }) => headers['cf-access-token'] ?? []);

describe('a path that begins with //', () => {
  it('does not lead to the host that it seems to name, although the team’s org token is kept', async () => {
    await start();
    await adaSignsIn();
    const jwt = createSigner('any').jwt({});
    // Whoever is taken for the application here answers as the team’s way back does.
    const evil = await startEvilHost(({ url }) =>
      url === '/start'
        ? { status: 302, headers: { location: urlOf(second, `//${evil.url.host}/echo`) } }
        : {
            status: 302,
            headers: {
              location: `${sandbox.team.origin}/cdn-cgi/access/login/x`,
              'set-cookie': `CF_Authorization=${jwt}`,
              'cf-access-metadata': jwt,
            },
          },
    );
    const { json } = await server.call('access_fetch', { url: `${evil.url}start` });
    expect(json).toMatchObject({ url: urlOf(second, `//${evil.url.host}/echo`) });
    expect(evil.reached.map(({ url }) => url)).toEqual(['/start']);
    expect(evil.reached.flatMap(credentialsIn)).toEqual([]);
    expect(sandbox.requests.some(({ host, what }) => host === second && what === 'origin')).toBe(
      true,
    );
    expect(await server.opened()).toHaveLength(1);
    await evil.close();
  });

  it('is asked about at its own host by detect_protection and for its metadata', async () => {
    await start();
    const evil = await startEvilHost(() => ({ status: 200 }));
    for (const name of ['browser-login', 'managed-oauth'] as const) {
      const url = urlOf(name, `//${evil.url.host}/x`);
      const { json } = await server.call('detect_protection', { url });
      expect(json).toMatchObject({ protected: true, team_verified: true });
    }
    expect(evil.reached).toEqual([]);
    await evil.close();
  });
});

describe('an issuer whose path begins with //', () => {
  it('is not the team that its host is', async () => {
    await start();
    const hosts = await startNamedHosts([
      'app.example.com',
      'evil.test',
      'acme.cloudflareaccess.com',
    ]);
    const issuer = 'https://acme.cloudflareaccess.com//evil.test';
    const metadata = 'https://app.example.com/.well-known/cloudflare-access-protected-resource/';
    hosts.answerWith(({ host, url }) =>
      host === 'app.example.com' && url.startsWith('/.well-known/')
        ? {
            status: 200,
            headers: { 'content-type': 'application/json' },
            body: JSON.stringify({
              resource: 'https://app.example.com',
              authorization_servers: [issuer],
            }),
          }
        : host === 'app.example.com'
          ? {
              status: 401,
              headers: { 'www-authenticate': `Bearer resource_metadata="${metadata}"` },
            }
          : { status: 404 },
    );
    const behind = await startServer({ environment: hosts.environment });
    const { json } = await behind.call('authenticate', { url: 'https://app.example.com/' });
    expect(json.error).toMatchObject({ code: 'untrusted_authorization_server' });
    const asked = hosts.reached.filter(({ method }) => method !== 'HEAD').map(({ host }) => host);
    expect(new Set(asked)).toEqual(new Set(['app.example.com']));
    expect(await behind.opened()).toEqual([]);
    await behind.close();
    await hosts.close();
  });
});

describe('an application that answers the org token’s exchange with', () => {
  async function answersWith(other: (jwtOfGrace: string) => string) {
    let planted = '';
    await start({
      fault: ({ host, url, headers }) =>
        planted !== '' &&
        host === second &&
        url.startsWith('/cdn-cgi/access/authorized') &&
        headers['user-agent'] === 'cloudflare-access-mcp'
          ? { headers: { 'set-cookie': [`CF_Authorization=${planted}; Path=/`] } }
          : undefined,
    });
    await adaSignsIn();
    const cookies: Cookies = new Map();
    await signInAs(urlOf(second), grace, { cookies });
    const { host } = sandbox.applications[second].url;
    planted = other(cookies.get(host)?.get('CF_Authorization') ?? '');
    expect(planted).not.toBe('');
    const before = sandbox.requests.length;
    const { json } = await server.call('access_fetch', { url: urlOf(second), sign_in: false });
    expect(json.error?.code).toBe('sign_in_required');
    const exchanges = sandbox.requests
      .slice(before)
      .filter(({ url }) => url.startsWith('/cdn-cgi/access/authorized'));
    expect(exchanges).toHaveLength(1);
    expect(sentTokens()).not.toContain(planted);
  }

  it('another person’s token does not make us them', () => answersWith((jwt) => jwt));

  it('a token that the team has not signed is not used', () =>
    answersWith((jwt) => {
      const claims = JSON.parse(Buffer.from(jwt.split('.')[1] ?? '', 'base64url').toString());
      const { kid } = JSON.parse(Buffer.from(jwt.split('.')[0] ?? '', 'base64url').toString());
      return createSigner(kid).jwt({ ...claims, email: ada });
    }));
});

describe('a transfer that delivers', () => {
  it('a token that the team has not signed is token_rejected, and nothing is kept', async () => {
    await start({
      fault: async ({ what, url }) => {
        if (what !== 'transfer_poll') return undefined;
        const certs = await fetch(`${sandbox.team.origin}/cdn-cgi/access/certs`);
        const { keys } = (await certs.json()) as { keys: [{ kid: string }] };
        const now = Math.floor(Date.now() / 1000);
        const { audience } = sandbox.applications['browser-login'];
        const jwt = createSigner(keys[0].kid).jwt({
          aud: [audience],
          email: 'eve@example.com',
          iss: sandbox.team.origin,
          iat: now,
          exp: now + 600,
          type: 'app',
        });
        const { privateKey } = generateKeyPairSync('x25519');
        const receiver = Buffer.from(
          url.split('/').at(-1)?.replaceAll('%3D', '=') ?? '',
          'base64url',
        );
        return {
          status: 200,
          headers: {
            'service-public-key': `${exportPublicKey(privateKey).toString('base64url')}=`,
          },
          body: seal(
            Buffer.from(JSON.stringify({ app_token: jwt })),
            receiver,
            privateKey,
          ).toString('base64'),
        };
      },
    });
    const url = urlOf('browser-login');
    const { json } = await server.call('authenticate', { url });
    expect(json.error).toMatchObject({
      code: 'token_rejected',
      message: expect.stringContaining('was not signed by its team'),
    });
    const detected = await server.call('detect_protection', { url });
    expect(detected.json.session).toMatchObject({ state: 'none' });
    expect(sentTokens()).toEqual([]);
  });
});

describe('what it costs', () => {
  it('one request for the team’s keys in a process, however many tokens are verified', async () => {
    await start();
    await adaSignsIn();
    for (const name of [second, 'browser-login-path-relative'] as const) {
      const { json } = await server.call('access_fetch', { url: urlOf(name) });
      expect(json).toMatchObject({ status: 200, auth: 'cf_access_token' });
    }
    expect(sandbox.requests.filter(({ what }) => what === 'certs')).toHaveLength(1);
  });
});
