import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Sandbox, startSandbox } from '../../../src/sandbox/sandbox.ts';
import { decline } from '../../../src/sandbox/team/person.ts';
import {
  authorizationUrl,
  newVerifier,
  obtainTokens,
  open,
  redirectUri,
  register,
  resourceOf,
  statusWith,
} from '../oauth-client.ts';
import { readJson } from '../raw-request.ts';

let sandbox: Sandbox;
let clientId: string;
beforeAll(async () => {
  sandbox = await startSandbox();
  clientId = (await register(sandbox, { resource: resourceOf(sandbox) })).client_id;
});
afterAll(() => sandbox.close());

const { challenge } = newVerifier();
const ask = (changes: Record<string, string | undefined>, person = 'ada@example.com') =>
  open(authorizationUrl(sandbox, clientId, challenge, changes), person);

test('a person signs in and the access token opens the application, and no other', async () => {
  const tokens = await obtainTokens(sandbox);
  const url = new URL('/echo', sandbox.applications['managed-oauth'].url);
  const headers = { authorization: `Bearer ${tokens.access_token}` };
  const reached = await readJson<{ headers: object }>(await fetch(url, { headers }));
  expect(reached.headers).toHaveProperty('cf-access-authenticated-user-email', 'ada@example.com');
  // Access takes nothing away from the field (cloudflare-access.md §3.4).
  expect(reached.headers).toHaveProperty('authorization', `Bearer ${tokens.access_token}`);
  expect(await statusWith(sandbox, tokens.access_token, 'managed-oauth-path')).toBe(401);
  expect(await statusWith(sandbox, tokens.access_token, 'browser-login')).toBe(302);
});

test('the response has the code and the state, and no iss unless asked for', async () => {
  const { url } = await ask({});
  expect([...url.searchParams.keys()]).toEqual(['code', 'state']);
  expect(url.searchParams.get('state')).toBe('the state');
});

test.each([
  ['advertised', true],
  ['unadvertised', true],
  ['missing', false],
] as const)('iss %s: sent is %s (RFC 9207 §2)', async (iss, sent) => {
  const other = await startSandbox({ iss });
  try {
    const client = await register(other);
    const asked = authorizationUrl(other, client.client_id, challenge);
    const { url } = await open(asked, 'ada@example.com');
    expect(url.searchParams.get('iss')).toBe(sent ? other.team.origin : null);
    const metadata = new URL('/.well-known/oauth-authorization-server', other.team);
    expect(
      (await readJson(await fetch(metadata))).authorization_response_iss_parameter_supported,
    ).toBe(iss === 'unadvertised' ? undefined : true);
    const declined = await open(asked, decline);
    expect(declined.url.searchParams.has('iss')).toBe(sent);
  } finally {
    await other.close();
  }
});

test('the login page has a button for each person, and works without JavaScript', async () => {
  const answer = await fetch(authorizationUrl(sandbox, clientId, challenge));
  expect(answer.status).toBe(200);
  expect(answer.headers.get('content-security-policy')).toContain("frame-ancestors 'none'");
  const page = await answer.text();
  for (const person of sandbox.people) expect(page).toContain(`data-person="${person}"`);
  expect(page).toContain('Sign in to Sandbox');
  expect(page).not.toContain('<script');
});

test('a client cannot bring its own HTML to the login page', async () => {
  const client = await register(sandbox, { client_name: '<img src=x onerror="x">' });
  const page = await (await fetch(authorizationUrl(sandbox, client.client_id, challenge))).text();
  expect(page).toContain('&lt;img src=x onerror=&quot;x&quot;&gt;');
});

test('declining, and being refused by the policy, come back as access_denied (RFC 6749 §4.1.2.1)', async () => {
  for (const person of [decline, sandbox.refusedPerson]) {
    const { url } = await ask({}, person);
    expect(url.searchParams.get('error')).toBe('access_denied');
    expect(url.searchParams.get('state')).toBe('the state');
    expect(url.searchParams.has('code')).toBe(false);
  }
});

test('without a resource the browser ends at the application, and the callback never comes', async () => {
  const { url, status } = await ask({ resource: undefined });
  expect(url.href).toBe(sandbox.applications['managed-oauth'].url.href);
  expect(status).toBe(200);
});

test('refuses a challenge that begins with - or _, or is not S256, in the documented words', async () => {
  for (const changes of [
    { code_challenge: `-${challenge.slice(1)}` },
    { code_challenge: `_${challenge.slice(1)}` },
    { code_challenge: 'short' },
    { code_challenge: undefined },
    { code_challenge_method: 'plain' },
    { code_challenge_method: undefined },
  ]) {
    const { url } = await ask(changes);
    expect(url.href.startsWith(redirectUri)).toBe(true);
    expect(url.searchParams.get('error')).toBe('invalid_request');
    expect(url.searchParams.get('error_description')).toBe(
      'code_challenge_method must be S256 for public clients',
    );
  }
});

test('refuses a resource that is no application with Managed OAuth (RFC 8707 §2)', async () => {
  for (const resource of [
    'http://localhost:1/',
    sandbox.applications['browser-login'].url.href,
    sandbox.applications['managed-oauth-path'].url.href,
    'not a url',
  ]) {
    const { url } = await ask({ resource });
    expect(url.searchParams.get('error'), resource).toBe('invalid_target');
  }
});

test('refuses another response type, and a parameter sent twice (RFC 6749 §3.1)', async () => {
  const { url } = await ask({ response_type: 'token' });
  expect(url.searchParams.get('error')).toBe('unsupported_response_type');
  const twice = authorizationUrl(sandbox, clientId, challenge);
  twice.searchParams.append('resource', resourceOf(sandbox));
  const answer = await open(twice, 'ada@example.com');
  expect(answer.url.searchParams.get('error')).toBe('invalid_request');
});

test('an unknown client or redirection URI gets a page, never a redirect (RFC 6749 §4.1.2.1)', async () => {
  for (const changes of [
    { client_id: 'unknown' },
    { redirect_uri: undefined },
    { redirect_uri: 'http://localhost:8401/callback' },
    { redirect_uri: `${redirectUri}/` },
    { redirect_uri: 'https://evil.example/' },
  ]) {
    const { status, url } = await ask(changes);
    expect(status).toBe(400);
    expect(url.origin).toBe(sandbox.team.origin);
  }
});

test('a form of another site, or of somebody unknown, signs nobody in', async () => {
  const url = authorizationUrl(sandbox, clientId, challenge);
  const send = (person: string, origin: string) =>
    fetch(url, {
      method: 'POST',
      redirect: 'manual',
      headers: { origin },
      body: new URLSearchParams({ person }),
    });
  expect((await send('ada@example.com', 'https://evil.example')).status).toBe(403);
  expect((await send('eve@example.com', sandbox.team.origin)).status).toBe(400);
  expect((await send('ada@example.com', sandbox.team.origin)).status).toBe(302);
});

test('an application judges the redirection URI again, back at the callback', async () => {
  const redirects = { allowLocalhostClients: false, allowedRedirectUris: [] as string[] };
  const other = await startSandbox({ redirects: { 'managed-oauth': redirects } });
  try {
    const client = await register(other);
    const visit = () =>
      open(authorizationUrl(other, client.client_id, challenge), 'ada@example.com');
    expect(Object.fromEntries((await visit()).url.searchParams)).toEqual({
      error: 'invalid_request',
      error_description: 'Redirect URI not allowed by application configuration',
      state: 'the state',
    });
    redirects.allowedRedirectUris = ['http://localhost:8401/callback'];
    expect((await visit()).url.searchParams.get('error')).toBe('invalid_request');
    for (const entry of [redirectUri, 'http://localhost:8400/*']) {
      redirects.allowedRedirectUris = [entry];
      expect((await visit()).url.searchParams.has('code'), entry).toBe(true);
    }
  } finally {
    await other.close();
  }
});
