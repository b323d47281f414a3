/** An application that uses the team as its identity provider, from its page to its page in a browser. */
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { type Sandbox, startSandbox } from '../../../src/sandbox/sandbox.ts';
import { type Cookies, decline, signInAs } from '../../../src/sandbox/team/person.ts';

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await startSandbox();
});
afterAll(() => sandbox.close());
beforeEach(() => sandbox.clearRequests());

const page = () => new URL('/echo?q=1', sandbox.applications['identity-provider'].url);
const ada = 'ada@example.com';
const seen = () =>
  sandbox.requests.map(({ host, what, answered }) => `${host} ${what} ${answered}`);

test('a person signs in at the team and comes back to the page, and the application remembers them', async () => {
  const cookies: Cookies = new Map();
  const visit = await signInAs(page(), ada, { cookies });
  expect([visit.status, visit.url.href]).toEqual([200, page().href]);
  expect(seen()).toEqual([
    'identity-provider challenge 302',
    'team sso 302',
    'team login_page 200',
    'team login_submission 302',
    'team sso 302',
    'identity-provider callback 302',
    'team sso_token 200',
    'identity-provider origin 200',
  ]);
  sandbox.clearRequests();
  expect((await signInAs(page(), ada, { cookies })).status).toBe(200);
  expect(seen()).toEqual(['identity-provider origin 200']);
  // Its own cookie is what counts: the team's alone leads once around, without a login.
  const jar = cookies.get(page().host) ?? new Map();
  expect([...jar.keys()].sort()).toEqual(['app_session', 'app_state']);
  jar.delete('app_session');
  sandbox.clearRequests();
  expect((await signInAs(page(), ada, { cookies })).status).toBe(200);
  expect(seen().filter((one) => one.includes('login'))).toEqual([]);
});

test('whom the policies refuse and who declines get no code', async () => {
  for (const person of [sandbox.refusedPerson, decline]) {
    sandbox.clearRequests();
    const visit = await signInAs(page(), person);
    expect([visit.status, visit.url.host]).toEqual([403, sandbox.team.host]);
    expect(seen().filter((one) => /callback|sso_token/.test(one))).toEqual([]);
  }
});

test('no token of Access’s gets in there', async () => {
  const cookies: Cookies = new Map();
  const { url: dashboard } = sandbox.applications['browser-login'];
  await signInAs(dashboard, ada, { cookies });
  const jwt = cookies.get(dashboard.host)?.get('CF_Authorization') ?? '';
  for (const headers of [
    { 'cf-access-token': jwt },
    { cookie: `CF_Authorization=${jwt}` },
    {
      'cf-access-client-id': sandbox.serviceToken.clientId,
      'cf-access-client-secret': sandbox.serviceToken.clientSecret,
    },
  ]) {
    const answer = await fetch(page(), { headers, redirect: 'manual' });
    expect(answer.status).toBe(302);
    expect(answer.headers.get('location')).toContain(`${sandbox.team.origin}/cdn-cgi/access/sso/`);
  }
});

/** Where the browser is sent back to, and what it has been given. */
async function signedInUntil(cookies: Cookies = new Map()) {
  const stopAt = ({ pathname }: URL) => pathname === '/oidc/callback';
  return (await signInAs(page(), ada, { cookies, stopAt })).url;
}

test('a callback of another browser, and one that is repeated, signs nobody in', async () => {
  const cookies: Cookies = new Map();
  const callback = await signedInUntil(cookies);
  expect((await fetch(callback, { redirect: 'manual' })).status).toBe(400);
  expect((await signInAs(callback, ada, { cookies })).status).toBe(200);
  expect((await signInAs(callback, ada, { cookies })).status).toBe(400);
});

test('a code is of no use without the client’s secret', async () => {
  const callback = await signedInUntil();
  const { audience } = sandbox.applications['identity-provider'];
  const token = `${sandbox.team.origin}/cdn-cgi/access/sso/oidc/${audience}/token`;
  const answer = await fetch(token, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'authorization_code',
      code: callback.searchParams.get('code') ?? '',
      redirect_uri: callback.origin + callback.pathname,
      client_id: audience,
      client_secret: 'guessed',
    }),
  });
  expect([answer.status, await answer.json()]).toMatchObject([401, { error: 'invalid_client' }]);
});

test.each([
  ['another client', 'client_id', 'x'],
  ['another redirect URI', 'redirect_uri', 'http://localhost:1/oidc/callback'],
  ['no code', 'response_type', 'token'],
  ['no openid', 'scope', 'email'],
])('an authorization request for %s leads nowhere', async (_, name, value) => {
  const answer = await fetch(page(), { redirect: 'manual' });
  const address = new URL(answer.headers.get('location') ?? '');
  address.searchParams.set(name, value);
  expect((await fetch(address, { redirect: 'manual' })).status).toBe(400);
});
