import type { IncomingMessage, ServerResponse } from 'node:http';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { exchangeOrgToken } from '../../src/cloudflare/org-token.ts';
import { createSigningKeys, type SigningKeys } from '../../src/cloudflare/signing-keys.ts';
import { client, type LoopbackServer, listen } from './loopback.ts';
import { createSigner } from './signer.ts';

const signer = createSigner('k');
const audience = 'a1'.repeat(32);
const email = 'ada@example.com';
const now = Date.UTC(2026, 10, 21);

type Answer = (request: IncomingMessage, response: ServerResponse) => void;
let app: LoopbackServer;
let team: LoopbackServer;
let stranger: LoopbackServer;
let keys: SigningKeys;
let certificates: object[];
let http: ReturnType<typeof client>;
let appAnswer: Answer;
let teamAnswer: Answer;
let appJwt: string;
let orgJwt: string;

const to = (response: ServerResponse, location: string, cookie?: string[]) =>
  response.writeHead(302, { location, ...(cookie ? { 'set-cookie': cookie } : {}) }).end();

beforeEach(async () => {
  app = await listen((request, response) => appAnswer(request, response));
  team = await listen((request, response) => {
    if (request.url === '/cdn-cgi/access/certs')
      return response.end(JSON.stringify({ keys: certificates }));
    return teamAnswer(request, response);
  });
  stranger = await listen((_, response) => response.end());
  http = client();
  keys = createSigningKeys({ fetch: http.fetch, now: () => now });
  certificates = [signer.jwk];
  orgJwt = signer.jwt({ type: 'org', email, iss: team.url.origin, exp: now / 1000 + 3600 });
  appJwt = signer.jwt({ aud: [audience], email, iss: team.url.origin, exp: now / 1000 + 3600 });
  appAnswer = (request, response) => {
    if (!request.url?.startsWith('/cdn-cgi/access/authorized')) {
      const login = `${team.url}cdn-cgi/access/login/${app.url.host}?kid=${audience}&redirect_url=%2Fwiki`;
      return to(response, login, ['other=1', 'CF_AppSession=n0nce; Path=/; HttpOnly']);
    }
    if (request.headers.cookie !== 'CF_AppSession=n0nce') return response.writeHead(403).end();
    return to(response, '/wiki', [
      'CF_Session=x',
      `CF_Authorization=${appJwt}; Path=/; Secure; HttpOnly`,
    ]);
  };
  teamAnswer = (request, response) => {
    if (request.headers.cookie !== `CF_Authorization=${orgJwt}`) return response.end('<form>');
    return to(response, `${app.url}cdn-cgi/access/authorized?nonce=1&token=x`);
  };
});
afterEach(async () => {
  await http.close();
  await Promise.all([app.close(), team.close(), stranger.close()]);
});

const exchange = (
  more: {
    url?: URL;
    teamDomain?: string;
    expiresAt?: number;
    audience?: string;
    mayPass?: (url: URL) => boolean;
  } = {},
) =>
  exchangeOrgToken(
    more.url ?? new URL('/wiki?private=1', app.url),
    {
      jwt: orgJwt,
      teamDomain: more.teamDomain ?? team.url.host,
      expiresAt: more.expiresAt ?? now + 1,
    },
    {
      fetch: http.fetch,
      keys,
      now: () => now,
      audience: more.audience ?? audience,
      mayPass: more.mayPass ?? (() => true),
    },
  );
const seen = ({ requests }: LoopbackServer) =>
  requests
    .filter(({ url }) => url !== '/cdn-cgi/access/certs')
    .map(({ method, url, headers: { cookie = '-' } }) => `${method} ${url} ${cookie}`);
const leaked = () =>
  [...app.requests, ...stranger.requests].some((request) =>
    JSON.stringify([request.url, request.rawHeaders]).includes(orgJwt),
  );

describe('the org token', () => {
  test('is exchanged for the application’s, each host given its own cookie alone (§5.7)', async () => {
    expect(await exchange()).toEqual({
      jwt: appJwt,
      teamDomain: team.url.host,
      expiresAt: now + 3_600_000,
    });
    expect(seen(app)).toEqual([
      'HEAD /wiki -',
      'HEAD /cdn-cgi/access/authorized?nonce=1&token=x CF_AppSession=n0nce',
    ]);
    expect(seen(team)).toEqual([
      `HEAD /cdn-cgi/access/login/${app.url.host}?kid=${audience}&redirect_url=%2Fwiki CF_Authorization=${orgJwt}`,
    ]);
    expect(leaked()).toBe(false);
  });

  test('is exchanged where the login is path-relative first', async () => {
    const usual = appAnswer;
    let first = true;
    appAnswer = (request, response) => {
      if (!first) return usual(request, response);
      first = false;
      return to(response, `/cdn-cgi/access/login/${app.url.host}?kid=${audience}`);
    };
    expect(await exchange()).toMatchObject({ jwt: appJwt });
    expect(leaked()).toBe(false);
  });

  test('that the team refuses gives nothing', async () => {
    teamAnswer = (_, response) => response.end('<form>');
    expect(await exchange()).toBeUndefined();
    teamAnswer = (_, response) => response.writeHead(403).end();
    expect(await exchange()).toBeUndefined();
    teamAnswer = (_, response) => to(response, 'https://idp.example.com/authorize');
    expect(await exchange()).toBeUndefined();
  });

  test('that has expired is not sent', async () => {
    expect(await exchange({ expiresAt: now })).toBeUndefined();
    expect(app.requests).toHaveLength(0);
  });

  test('is not sent for an application over http beyond loopback', async () => {
    expect(await exchange({ url: new URL('http://app.example.com/') })).toBeUndefined();
  });
});

describe('the org token goes to no host but the team’s', () => {
  const detours: [string, () => string][] = [
    ['a stranger', () => `${stranger.url}cdn-cgi/access/login/x`],
    ['another path of the team', () => `${team.url}cdn-cgi/access/logout`],
    ['the team’s path tricked', () => `${team.url}cdn-cgi/access/login/../../../evil`],
    [
      'the team’s name as userinfo',
      () => `http://${team.url.host}@${stranger.url.host}/cdn-cgi/access/login/x`,
    ],
    ['the team with userinfo', () => `http://x@${team.url.host}/cdn-cgi/access/login/x`],
    ['a page of the application', () => '/other'],
    ['no URL at all', () => 'http://['],
  ];
  test.each(detours)('the application redirects to %s', async (_, location) => {
    appAnswer = (__, response) => to(response, location());
    expect(await exchange()).toBeUndefined();
    expect([...team.requests, ...stranger.requests]).toHaveLength(0);
  });

  test('another team', async () => {
    expect(await exchange({ teamDomain: stranger.url.host })).toBeUndefined();
    expect([...team.requests, ...stranger.requests]).toHaveLength(0);
  });

  test('and the application’s cookie to none but the application', async () => {
    teamAnswer = (_, response) => to(response, `${stranger.url}cdn-cgi/access/authorized?nonce=1`);
    expect(await exchange()).toBeUndefined();
    expect(seen(stranger)).toEqual(['HEAD /cdn-cgi/access/authorized?nonce=1 -']);
    expect(leaked()).toBe(false);
  });

  test('and not to the application where the team writes a user into its address', async () => {
    teamAnswer = (_, response) =>
      to(response, `http://x@${app.url.host}/cdn-cgi/access/authorized?nonce=1`);
    expect(await exchange()).toBeUndefined();
    expect(app.requests).toHaveLength(1);
  });

  test('and a circle of redirects ends', async () => {
    appAnswer = (_, response) => to(response, `${team.url}cdn-cgi/access/login/x`);
    teamAnswer = (_, response) => to(response, `${app.url}wiki`);
    expect(await exchange()).toBeUndefined();
    expect(app.requests.length + team.requests.length).toBe(10);
  });
});

describe('over several domains of one application (§5.7)', () => {
  const authorized = '/cdn-cgi/access/authorized';
  let onWay: (response: ServerResponse) => void;
  let usual: Answer;
  beforeEach(async () => {
    await stranger.close();
    stranger = await listen((_, response) => onWay(response));
    onWay = (response) =>
      to(response, `${app.url.origin}${authorized}?nonce=1`, [
        'CF_Authorization=of-the-other-domain; Path=/',
        'CF_AppSession=of-the-other-domain',
      ]);
    usual = teamAnswer;
    teamAnswer = (request, response) =>
      request.headers.cookie === undefined
        ? usual(request, response)
        : to(response, `${stranger.url.origin}${authorized}?nonce=1`);
  });

  test('it is carried on to the one that was asked, and the others get no cookie', async () => {
    expect(await exchange()).toMatchObject({ jwt: appJwt });
    expect(seen(stranger)).toEqual([`HEAD ${authorized}?nonce=1 -`]);
    expect(seen(app)).toEqual(['HEAD /wiki -', `HEAD ${authorized}?nonce=1 CF_AppSession=n0nce`]);
    expect(leaked()).toBe(false);
  });

  test('what another domain sets is not taken, though it is a token of the application', async () => {
    onWay = (response) =>
      response.writeHead(200, { 'set-cookie': `CF_Authorization=${appJwt}` }).end();
    expect(await exchange()).toBeUndefined();
  });

  test.each<[string, () => string]>([
    ['a page of its own', () => `${stranger.url.origin}/other`],
    [
      'the team’s login, which would be sent the org token again',
      () => `${team.url}cdn-cgi/access/login/x`,
    ],
    ['a page of the application', () => `${app.url.origin}/wiki/delete`],
  ])('that lead to %s are not followed', async (_, location) => {
    onWay = (response) => to(response, location());
    expect(await exchange()).toBeUndefined();
    expect([app, team, stranger].map((each) => seen(each).length)).toEqual([1, 1, 1]);
  });

  test('no host is asked that the limits exclude, or that the application itself names', async () => {
    const hosts: string[] = [];
    const mayPass = ({ host }: URL) => hosts.push(host) < 0;
    expect(await exchange({ mayPass })).toBeUndefined();
    expect(hosts).toEqual([stranger.url.host]);
    appAnswer = (_, response) => to(response, `${stranger.url.origin}${authorized}`);
    expect(await exchange()).toBeUndefined();
    expect(stranger.requests).toHaveLength(0);
  });

  test('nor one whose address holds the org token', async () => {
    teamAnswer = (_, response) =>
      to(response, `${stranger.url.origin}${authorized}?token=${orgJwt}`);
    expect(await exchange()).toBeUndefined();
    expect(stranger.requests).toHaveLength(0);
  });
});

describe('what comes back', () => {
  test.each([
    [
      'of another application',
      () =>
        signer.jwt({ aud: ['b2'.repeat(32)], email, iss: team.url.origin, exp: now / 1000 + 60 }),
    ],
    [
      'of another team',
      () => signer.jwt({ aud: [audience], email, iss: stranger.url.origin, exp: now / 1000 + 60 }),
    ],
    [
      'that has expired',
      () => signer.jwt({ aud: [audience], email, iss: team.url.origin, exp: now / 1000 }),
    ],
    ['that is no JWT', () => 'yes'],
    [
      'of another person',
      () =>
        signer.jwt({
          aud: [audience],
          email: 'eve@example.com',
          iss: team.url.origin,
          exp: now / 1000 + 60,
        }),
    ],
    [
      'of nobody',
      () => signer.jwt({ aud: [audience], iss: team.url.origin, exp: now / 1000 + 60 }),
    ],
    [
      'that somebody else has signed',
      () =>
        createSigner('k').jwt({
          aud: [audience],
          email,
          iss: team.url.origin,
          exp: now / 1000 + 60,
        }),
    ],
    [
      'of tomorrow',
      () =>
        signer.jwt({
          aud: [audience],
          email,
          iss: team.url.origin,
          nbf: now / 1000 + 86_400,
          exp: now / 1000 + 90_000,
        }),
    ],
  ])('a token %s is not taken', async (_, jwt) => {
    appJwt = jwt();
    expect(await exchange()).toBeUndefined();
  });

  test('is taken only from the answer that authorizes', async () => {
    appAnswer = (_, response) =>
      response.writeHead(200, { 'set-cookie': `CF_Authorization=${appJwt}` }).end();
    expect(await exchange()).toBeUndefined();
  });

  test.each([503, 429])('%i is a failure of the moment', async (status) => {
    teamAnswer = (_, response) => response.writeHead(status).end();
    await expect(exchange()).rejects.toMatchObject({ code: 'temporarily_unavailable' });
  });
});
