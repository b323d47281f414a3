import type { ServerResponse } from 'node:http';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { askSignedAnswer, verifySignedAnswer } from '../../src/cloudflare/signed-answer.ts';
import { createSigningKeys, type SigningKeys } from '../../src/cloudflare/signing-keys.ts';
import { client, type LoopbackServer, listen } from './loopback.ts';
import { createSigner, hs256, unsigned } from './signer.ts';

const signer = createSigner('team-key');
const stranger = createSigner('team-key');
const audience = 'a1'.repeat(32);
const now = Date.UTC(2026, 10, 21);
const seconds = now / 1000;

let team: LoopbackServer;
let otherTeam: LoopbackServer;
let app: LoopbackServer;
let http: ReturnType<typeof client>;
let keys: SigningKeys;
let metadata: string | undefined;
let certs: (response: ServerResponse) => void;

beforeEach(async () => {
  certs = (response) => response.end(JSON.stringify({ keys: [signer.jwk] }));
  team = await listen((_, response) => certs(response));
  otherTeam = await listen((_, response) => response.end(JSON.stringify({ keys: [stranger.jwk] })));
  app = await listen((_, response) => {
    response
      .writeHead(302, {
        location: '/elsewhere',
        ...(metadata ? { 'cf-access-metadata': metadata } : {}),
      })
      .end();
  });
  http = client();
  keys = createSigningKeys({ fetch: http.fetch, now: () => now });
});
afterEach(async () => {
  await http.close();
  await Promise.all([team.close(), otherTeam.close(), app.close()]);
});

const claims = (more: object = {}) => ({
  type: 'match',
  hostname: app.url.host,
  auth_domain: team.url.host,
  aud: audience,
  app_hostname: app.url.host,
  iat: seconds,
  ...more,
});
const ask = (path = '/wiki/page?token=private#x') =>
  askSignedAnswer(new URL(path, app.url), { fetch: http.fetch, now: () => now, keys });

describe('the signed answer (§6)', () => {
  test('that holds proves team and application', async () => {
    metadata = signer.jwt(claims());
    expect(await ask()).toEqual({
      verified: true,
      teamDomain: team.url.host,
      audience,
      applicationDomain: app.url.host,
    });
    const [asked] = app.requests;
    expect(asked).toMatchObject({ method: 'HEAD', url: '/wiki/page' });
    expect(asked?.headers).toMatchObject({ 'cf-access-metadata-request': 'true' });
    expect(app.requests).toHaveLength(1);
  });

  test('is asked for with the query only where that is wanted', async () => {
    const options = { fetch: http.fetch, now: () => now, keys };
    const url = new URL('/wiki/page?token=1', app.url);
    await askSignedAnswer(url, options);
    await askSignedAnswer(url, { ...options, withQuery: true });
    expect(app.requests.map((one) => one.url)).toEqual(['/wiki/page', '/wiki/page?token=1']);
  });

  test('that is absent proves nothing', async () => {
    metadata = undefined;
    expect(await ask()).toBeUndefined();
    expect(team.requests).toHaveLength(0);
  });

  test.each([23 * 3600, 0, -4 * 60])('may be %i seconds old', async (age) => {
    metadata = signer.jwt(claims({ iat: seconds - age }));
    expect(await ask()).toMatchObject({ verified: true });
  });
});

describe('a forged answer', () => {
  const forgeries: [name: string, text: () => string, why: RegExp][] = [
    [
      'was given to another host (a replay)',
      () => signer.jwt(claims({ hostname: 'victim.example.com' })),
      /another host/,
    ],
    [
      'was given to another port',
      () => signer.jwt(claims({ hostname: '127.0.0.1:1' })),
      /another host/,
    ],
    [
      'was given to a host that only begins alike',
      () => signer.jwt(claims({ hostname: `${app.url.host}.example` })),
      /another host/,
    ],
    ['names no host', () => signer.jwt(claims({ hostname: undefined })), /another host/],
    [
      'names a list of hosts',
      () => signer.jwt(claims({ hostname: [app.url.host] })),
      /another host/,
    ],
    ['is of another type', () => signer.jwt(claims({ type: 'app' })), /not about/],
    [
      'is older than a day',
      () => signer.jwt(claims({ iat: seconds - 24 * 3600 - 1 })),
      /more than a day old/,
    ],
    ['is of the future', () => signer.jwt(claims({ iat: seconds + 301 })), /more than a day old/],
    ['has no time', () => signer.jwt(claims({ iat: undefined })), /more than a day old/],
    [
      'has its time as text',
      () => signer.jwt(claims({ iat: String(seconds) })),
      /more than a day old/,
    ],
    ['is signed by another key of the same name', () => stranger.jwt(claims()), /did not sign/],
    [
      'is signed by a key that the team does not have',
      () => createSigner('unknown').jwt(claims()),
      /did not sign/,
    ],
    [
      'names a team that has other keys',
      () => signer.jwt(claims({ auth_domain: otherTeam.url.host })),
      /did not sign/,
    ],
    [
      'is not signed',
      () => `${unsigned({ alg: 'none', kid: 'team-key' }, claims())}.AAAA`,
      /RS256/,
    ],
    [
      'is not signed at all',
      () => `${unsigned({ alg: 'none', kid: 'team-key' }, claims())}.`,
      /not a signed token/,
    ],
    [
      'is an HMAC by the public key',
      () =>
        hs256(
          { kid: 'team-key' },
          claims(),
          signer.publicKey.export({ type: 'spki', format: 'pem' }),
        ),
      /RS256/,
    ],
    ['says another algorithm', () => signer.jwt(claims(), { alg: 'RS384' }), /RS256/],
    ['names no key', () => signer.jwt(claims(), { kid: undefined }), /RS256/],
    [
      'names a team that is not Access’s',
      () => signer.jwt(claims({ auth_domain: 'evil.example' })),
      /no team/,
    ],
    [
      'names a team that only looks like one',
      () => signer.jwt(claims({ auth_domain: 'acme.cloudflareaccess.com.evil.example' })),
      /no team/,
    ],
    [
      'names a team with a path',
      () => signer.jwt(claims({ auth_domain: `${team.url.host}/x` })),
      /no team/,
    ],
    [
      'names a team with userinfo',
      () => signer.jwt(claims({ auth_domain: `x@${team.url.host}` })),
      /no team/,
    ],
    ['names no team', () => signer.jwt(claims({ auth_domain: 7 })), /no team/],
    ['has no audience', () => signer.jwt(claims({ aud: undefined })), /no application/],
    [
      'has several audiences',
      () => signer.jwt(claims({ aud: [audience, 'b1'.repeat(32)] })),
      /no application/,
    ],
    [
      'has a strange application',
      () => signer.jwt(claims({ app_hostname: '../../etc\n' })),
      /no application/,
    ],
    ['is no JWT', () => 'yes', /not a signed token/],
    ['is two', () => `${signer.jwt(claims())}, ${signer.jwt(claims())}`, /not a signed token/],
  ];
  test.each(forgeries)('%s', async (_, text, why) => {
    metadata = text();
    const answer = await ask();
    expect(answer).toMatchObject({ verified: false, why: expect.stringMatching(why) });
  });

  test('is one whose team redirects or has no certificates', async () => {
    certs = (response) =>
      response.writeHead(302, { location: `${otherTeam.url}cdn-cgi/access/certs` }).end();
    metadata = stranger.jwt(claims());
    expect(await ask()).toEqual({ verified: false, why: 'the team that it names has no keys' });
    expect(otherTeam.requests).toHaveLength(0);
  });

  test('is one in which a host beyond loopback names a team on loopback', async () => {
    const url = new URL('https://app.example.com/');
    const text = signer.jwt(claims({ hostname: url.host }));
    expect(await verifySignedAnswer(text, url, { now: () => now, keys })).toMatchObject({
      verified: false,
    });
    expect(team.requests).toHaveLength(0);
  });
});

test('a team that fails for a moment is no forgery: temporarily_unavailable', async () => {
  certs = (response) => response.writeHead(503).end();
  metadata = signer.jwt(claims());
  await expect(ask()).rejects.toMatchObject({ code: 'temporarily_unavailable' });
});
