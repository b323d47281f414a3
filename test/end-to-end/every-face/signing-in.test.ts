/**
 * Access as it really behaves, met by every face of the program: what makes signing in difficult. Each row
 * says what every face answers, and what it asks for that; all variants of a row that concern one face are
 * in a file of its own.
 */
import { rm } from 'node:fs/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Fault } from '../../../src/sandbox/server/fault.ts';
import { signInAs } from '../../../src/sandbox/team/person.ts';
import { byEveryFace, saidIn, setUpFaces } from '../../support/faces.ts';
import { eventually, startServer, temporaryFolder } from '../../support/mcp-server.ts';
import { discovery, faces, oauth, proof, shifted, signInByBoth, transfer } from './expected.ts';

describe('what is as before', () => {
  it.each([
    ['managed-oauth', oauth],
    ['browser-login', transfer],
  ] as const)('%s', async (name, expected) => {
    const met = await setUpFaces();
    expect((await byEveryFace(met, met.url(name))).met).toEqual(expected);
  });
});

describe('1: a redirect URI that the application alone refuses', () => {
  it('costs one tab and one registration more, and doctor shows which one is taken', async () => {
    const met = await setUpFaces({
      sandbox: { redirects: { 'managed-oauth': { allowLocalhostClients: false } } },
    });
    const url = met.url('managed-oauth');
    const signsIn = ['registration', 'registration', 'token:authorization_code'];
    expect((await byEveryFace(met, url)).met).toEqual({
      ...oauth,
      authenticate: [
        'authenticated authorization_code, 2 tabs',
        'challenge',
        'resource_metadata',
        ...signsIn,
      ],
      login: ['exit 0, 2 tabs', 'challenge', ...discovery, ...signsIn],
    });
    const { stdout, asked } = await met.command('doctor', url);
    expect(stdout).toMatch(
      /! Redirect URIs .*refuses http:\/\/localhost.*; http:\/\/127\.0\.0\.1.*not refused/,
    );
    expect(asked).not.toContain('registration');
  });

  it('that refuses both names them in each face that signs in', async () => {
    const met = await setUpFaces({
      sandbox: {
        redirects: {
          'managed-oauth': { allowLocalhostClients: false, allowLoopbackClients: false },
        },
      },
    });
    const url = met.url('managed-oauth');
    for (const said of [
      JSON.stringify((await met.tool('authenticate', { url })).json.error),
      JSON.stringify((await met.tool('access_fetch', { url })).json.error),
      (await met.command('login', url)).stderr,
      (await met.command('fetch', url)).stderr,
    ]) {
      expect(said).toMatch(/Redirect URI not allowed by application configuration/);
      expect(said).toMatch(
        /Allow localhost clients.*Allow loopback clients.*Allowed redirect URIs/,
      );
      expect(said).toMatch(/http:\/\/127\.0\.0\.1:\d+\/callback/);
      expect(said).not.toContain('declined');
    }
  });
});

describe('3: an Authorization of the application’s own', () => {
  const own = 'Basic dXNlcjpwYXNz';

  it('goes with the JWT beside it, by access_fetch and fetch alone', async () => {
    const met = await setUpFaces();
    const url = met.url('managed-oauth');
    const fetched = await met.tool('access_fetch', { url, headers: { Authorization: own } });
    const signingIn = ['challenge + Authorization', ...discovery, ...proof];
    expect([saidIn(fetched.json), fetched.tabs, fetched.asked]).toEqual([
      '200 cf_access_token',
      1,
      [...signingIn, 'origin + authorization cf-access-token'],
    ]);
    expect(JSON.parse(fetched.body).headers).toMatchObject({ authorization: own });
    const page = await met.command('fetch', '-H', `Authorization: ${own}`, url);
    expect([page.code, page.tabs, page.asked]).toEqual([
      0,
      1,
      [...signingIn, 'origin + authorization cf-access-token'],
    ]);
    // Whoever sends none gets in by OAuth, like everybody.
    const token = await met.tool('get_token', { url });
    expect([saidIn(token.json), ...token.asked]).toEqual(oauth.get_token);
    const doctor = await met.command('doctor', url);
    expect([`exit ${doctor.code}`, ...doctor.asked]).toEqual(oauth.doctor);
  });
});

describe('5: tokens that an administrator has revoked', () => {
  it('are found out by the request that is refused, and cost one sign-in', async () => {
    const met = await setUpFaces();
    const url = met.url('managed-oauth');
    await signInByBoth(met, url);
    met.sandbox.revokeTokens();
    const refused = [
      'challenge + Authorization',
      'token:refresh_token',
      'challenge + Authorization',
    ];
    const anew = ['token:authorization_code', 'origin + Authorization'];
    expect((await byEveryFace(met, url)).met).toEqual({
      detect_protection: [oauth.detect_protection[0], 'challenge', ...proof, 'resource_metadata'],
      get_token: ['Authorization'],
      authenticate: ['authenticated authorization_code'],
      access_fetch: ['200 oauth, 1 tab', ...refused, 'resource_metadata', ...anew],
      'get_token, then': ['Authorization'],
      doctor: [
        'exit 0',
        'challenge',
        ...discovery,
        'authorization',
        'challenge',
        ...proof,
        ...discovery,
      ],
      login: ['exit 0'],
      fetch: ['exit 0, 1 tab', ...refused, ...discovery, ...anew],
      token: ['exit 0'],
    });
  });
});

describe('6: a sign-in that takes long', () => {
  const hourAfter = (text: string) => Date.parse(text) - Date.now();

  it('stays open for an hour, which each face says', async () => {
    const met = await setUpFaces();
    const url = met.url('managed-oauth');
    const untils = [];
    const pending = await met.server.call('authenticate', { url, wait_seconds: 0 });
    expect(saidIn(pending.json)).toBe('pending authorization_code');
    untils.push(/until (\S+Z)/.exec(String(pending.json.next_step))?.[1]);
    const fetched = await met.server.call('access_fetch', { url, timeout_seconds: 2 });
    expect(saidIn(fetched.json)).toBe('sign_in_pending');
    untils.push(String(fetched.json.error?.expires_at));
    const login = await met.program.run(['login', '--json', '--wait', '0', url]);
    expect(login).toMatchObject({ code: 1, json: { status: 'pending' } });
    untils.push(/until (\S+Z)/.exec(String(login.json.next_step))?.[1]);
    const page = await met.program.run(['fetch', '--wait', '0', url]);
    expect(page.code).toBe(67);
    untils.push(/until (\S+Z)/.exec(page.stderr)?.[1]);
    for (const until of untils) {
      expect(hourAfter(until ?? '')).toBeGreaterThan(59 * 60_000 - 30_000);
      expect(hourAfter(until ?? '')).toBeLessThanOrEqual(60 * 60_000);
    }
  });

  it('is ended by another process when a second person has approved it, 50 minutes later', async () => {
    const { sandbox, url } = await setUpFaces();
    const dataDir = await temporaryFolder();
    onTestFinished(() => rm(dataDir, { recursive: true }));
    const first = await startServer({ dataDir });
    const asked = { url: url('managed-oauth') };
    const pending = await first.call('authenticate', { ...asked, wait_seconds: 0 });
    expect(saidIn(pending.json)).toBe('pending authorization_code');
    await first.close();
    const later = await startServer({ dataDir, environment: shifted(50 * 60_000) });
    onTestFinished(() => later.close());
    const joining = later.call('authenticate', asked);
    await eventually(async () => {
      const visit = await signInAs(String(pending.json.authorization_url), sandbox.people[0] ?? '');
      return visit.status;
    });
    expect(saidIn((await joining).json)).toBe('authenticated authorization_code');
    expect(await later.opened()).toEqual([]);
  });
});

describe('18: invalid_client at the refresh, which passes', () => {
  it('costs one request and a second for each that refreshes', async () => {
    let forgotten = 1;
    const unknown: Fault = {
      status: 401,
      headers: { 'content-type': 'application/json' },
      body: '{"error":"invalid_client"}',
    };
    const met = await setUpFaces({
      sandbox: {
        fault: ({ what }) =>
          what === 'token:refresh_token' && forgotten-- > 0 ? unknown : undefined,
      },
    });
    const url = met.url('managed-oauth');
    await signInByBoth(met, url);
    met.sandbox.expireAccessTokens();
    const { met: said } = await byEveryFace(met, url, () => {
      forgotten = 1;
    });
    const refreshed = [
      'challenge + Authorization',
      'token:refresh_token',
      'token:refresh_token',
      'origin + Authorization',
    ];
    expect(said).toMatchObject({
      access_fetch: ['200 oauth', ...refreshed],
      fetch: ['exit 0', ...refreshed],
    });
    for (const face of faces) expect(said[face], face).not.toContain('registration');
    forgotten = 1;
    const token = await met.command('token', '--min-ttl', '1000', url);
    expect([token.code, token.asked]).toEqual([0, ['token:refresh_token', 'token:refresh_token']]);
  });
});
