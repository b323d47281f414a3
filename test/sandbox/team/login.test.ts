import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ApplicationName } from '../../../src/sandbox/catalogue.ts';
import { type Sandbox, startSandbox } from '../../../src/sandbox/sandbox.ts';
import { signInAs } from '../../../src/sandbox/team/person.ts';
import { rawRequest } from '../raw-request.ts';

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await startSandbox();
});
afterAll(() => sandbox.close());

/** Signs in as a browser and takes the application's cookie out of it. */
async function cookieOf(name: ApplicationName, person = 'ada@example.com'): Promise<string> {
  const cookies = new Map<string, Map<string, string>>();
  const { url } = sandbox.applications[name];
  await signInAs(url, person, { cookies });
  return cookies.get(url.host)?.get('CF_Authorization') ?? '';
}

const ask = (name: ApplicationName, headers: Record<string, string>) =>
  fetch(sandbox.applications[name].url, { headers, redirect: 'manual' });

test.each([
  'browser-login',
  'browser-login-path-relative',
  'service-auth-or-login',
  'strict-service-auth-or-login',
  'managed-oauth',
] as const)('a person reaches %s in the browser', async (name) => {
  const visited = await signInAs(sandbox.applications[name].url, 'ada@example.com');
  expect([visited.status, visited.url.href]).toEqual([200, sandbox.applications[name].url.href]);
});

test('the JWT opens the application as cookie and as cf-access-token, and no other one', async () => {
  const jwt = await cookieOf('browser-login');
  expect((await ask('browser-login', { 'cf-access-token': jwt })).status).toBe(200);
  expect((await ask('browser-login', { cookie: `CF_Authorization=${jwt}` })).status).toBe(200);
  expect((await ask('browser-login-second', { 'cf-access-token': jwt })).status).toBe(302);
  expect((await ask('service-auth', { 'cf-access-token': jwt })).status).toBe(403);
});

test('an application’s JWT is no org token', async () => {
  const fresh = await cookieOf('browser-login');
  expect((await startExchange(fresh)).second.status).toBe(200);
});

test('a forged, expired or withdrawn JWT is answered like none', async () => {
  const jwt = await cookieOf('browser-login');
  const [header, payload, signature] = jwt.split('.');
  const none = Buffer.from('{"alg":"none","typ":"JWT"}').toString('base64url');
  const changed = Buffer.from(
    Buffer.from(payload ?? '', 'base64url')
      .toString()
      .replace('ada@example.com', 'eve@example.com'),
  ).toString('base64url');
  for (const forged of [
    `${none}.${payload}.`,
    `${none}.${payload}.${signature}`,
    `${header}.${changed}.${signature}`,
    `${jwt}.x`,
    'x',
  ]) {
    expect((await ask('browser-login', { 'cf-access-token': forged })).status).toBe(302);
  }
  sandbox.expireAccessTokens();
  expect((await ask('browser-login', { 'cf-access-token': jwt })).status).toBe(302);
  const brief = await startSandbox({ applicationSessionSeconds: 0 });
  try {
    // The cookie is expired when it is set, so the browser goes round until it gives up.
    const signedIn = signInAs(brief.applications['browser-login'].url, 'ada@example.com');
    await expect(signedIn).rejects.toThrow(/sent around/);
  } finally {
    await brief.close();
  }
});

test('a JWT outlives the rotation of keys once', async () => {
  const jwt = await cookieOf('browser-login');
  sandbox.rotateKeys();
  expect((await ask('browser-login', { 'cf-access-token': jwt })).status).toBe(200);
  sandbox.rotateKeys();
  expect((await ask('browser-login', { 'cf-access-token': jwt })).status).toBe(302);
});

test('a person whom the policy refuses gets 403 with Cf-Access-Error', async () => {
  const { url } = sandbox.applications['browser-login'];
  const visited = await signInAs(url, sandbox.refusedPerson);
  // At once, not after a cookie was given.
  expect([visited.status, visited.url.origin + visited.url.pathname]).toEqual([
    403,
    `${url.origin}/cdn-cgi/access/authorized`,
  ]);
  const jwt = await cookieOf('browser-login');
  sandbox.setAdmitted('ada@example.com', false);
  const answer = await ask('browser-login', { 'cf-access-token': jwt });
  sandbox.setAdmitted('ada@example.com', true);
  expect(answer.status).toBe(403);
  expect(answer.headers.get('cf-access-error')).toBeTruthy();
});

test('the login page refuses a request that no application made', async () => {
  const { url, audience } = sandbox.applications['browser-login'];
  const second = sandbox.applications['browser-login-second'];
  const location = (await ask('browser-login', {})).headers.get('location') ?? '';
  const meta = new URL(location).searchParams.get('meta') ?? '';
  const at = (host: string, kid: string, signed: string) =>
    `${sandbox.team.origin}/cdn-cgi/access/login/${host}?kid=${kid}&meta=${signed}&redirect_url=/`;
  expect((await fetch(at(url.host, audience, meta))).status).toBe(200);
  expect((await fetch(at(second.url.host, audience, meta))).status).toBe(400);
  expect((await fetch(at(second.url.host, second.audience, meta))).status).toBe(400);
  expect((await fetch(at(url.host, audience, `${meta}x`))).status).toBe(400);
});

/** Plays cloudflare-access.md §5.7 up to the redirect to `authorized`. */
async function startExchange(orgToken: string, redirectUrl = '/') {
  const { url } = sandbox.applications['browser-login-second'];
  const first = await rawRequest(new URL(redirectUrl, url), { method: 'HEAD' });
  const session = /CF_AppSession=[^;]+/.exec(String(first.headers['set-cookie']))?.[0] ?? '';
  const second = await rawRequest(String(first.headers.location), {
    method: 'HEAD',
    fields: [['cookie', `CF_Authorization=${orgToken}`]],
  });
  return { session, second, location: String(second.headers.location) };
}

async function organisationToken(): Promise<string> {
  const cookies = new Map<string, Map<string, string>>();
  await signInAs(sandbox.applications['browser-login'].url, 'ada@example.com', { cookies });
  return cookies.get(sandbox.team.host)?.get('CF_Authorization') ?? '';
}

test('an org token is exchanged for another application’s (cloudflare-access.md §5.7)', async () => {
  const { session, location } = await startExchange(await organisationToken(), '/wiki?x=1');
  const { url } = sandbox.applications['browser-login-second'];
  expect(new URL(location).origin).toBe(url.origin);
  expect(new URL(location).pathname).toBe('/cdn-cgi/access/authorized');
  const without = await rawRequest(location);
  expect(without.status).toBe(400);
  const strange = await rawRequest(location, { fields: [['cookie', 'CF_AppSession=x']] });
  expect(strange.status).toBe(400);
  const third = await rawRequest(location, { fields: [['cookie', session]] });
  expect([third.status, third.headers.location]).toEqual([302, `${url.origin}/wiki?x=1`]);
  const jwt = /CF_Authorization=([^;]+)/.exec(String(third.headers['set-cookie']))?.[1] ?? '';
  expect((await ask('browser-login-second', { 'cf-access-token': jwt })).status).toBe(200);
});

test('an org token that has ended is shown the login page', async () => {
  const orgToken = await organisationToken();
  sandbox.endGrants();
  expect((await startExchange(orgToken)).second.status).toBe(200);
});

test('the way back leads into the application, whatever redirect_url says', async () => {
  const cookies = new Map();
  const { url } = sandbox.applications['browser-login'];
  const location = new URL((await ask('browser-login', {})).headers.get('location') ?? '');
  const session = await ask('browser-login', {});
  const own = new URL(session.headers.get('location') ?? '');
  cookies.set(
    url.host,
    new Map([
      ['CF_AppSession', /=([^;]+)/.exec(session.headers.get('set-cookie') ?? '')?.[1] ?? ''],
    ]),
  );
  own.searchParams.set('redirect_url', 'https://evil.example/');
  const visited = await signInAs(own, 'ada@example.com', { cookies });
  expect(visited.url.href).toBe(url.href);
  expect(location.origin).toBe(sandbox.team.origin);
});
