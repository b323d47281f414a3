/**
 * What stands in the way, and people's mistakes, met by every face of the program: each names it, and what
 * it asks for that is written down.
 */
import { describe, expect, it } from 'vitest';
import { signInAs } from '../../../src/sandbox/team/person.ts';
import { byEveryFace, pairOf, saidIn, setUpFaces } from '../../support/faces.ts';
import { eventually } from '../../support/mcp-server.ts';
import { all, discovery, expectWords, oauth, proof, shifted, transfer } from './expected.ts';

describe('10: a firewall before Access', () => {
  const agent = 'agent/7 (of the house)';
  const behind = { sandbox: { onlyUserAgent: 'agent/7' } };

  it('that lets nothing of ours through is named, and nobody signs in', async () => {
    const met = await setUpFaces(behind);
    const { met: said, words } = await byEveryFace(met, met.url('managed-oauth'));
    expect(said).toEqual({
      ...all('access_denied', ['firewall']),
      detect_protection: ['other', 'firewall'],
      // What it says to the page itself is an answer like any other.
      access_fetch: ['403 none', 'firewall'],
      fetch: ['exit 0', 'firewall'],
    });
    for (const face of [
      'detect_protection',
      'access_fetch',
      'get_token',
      'authenticate',
      'doctor',
      'login',
      'token',
    ] as const) {
      expect(words[face], face).toMatch(/firewall/i);
    }
    for (const face of [
      'detect_protection',
      'access_fetch',
      'get_token',
      'authenticate',
    ] as const) {
      expect(words[face]).toMatch(/pass a User-Agent header .* to access_fetch/);
    }
    expect(words.doctor).toMatch(/Or give doctor, login and fetch a name with -A/);
    for (const face of ['login', 'token'] as const) {
      expect(words[face]).toMatch(/give cloudflare-access-mcp login or fetch a name with -A/);
    }
  });

  it('that lets the agent through is passed under its name: once refused, then asked again', async () => {
    const met = await setUpFaces(behind);
    const url = met.url('managed-oauth');
    const asAgent = [
      'challenge',
      'firewall',
      ...discovery,
      'registration',
      'token:authorization_code',
    ];
    const fetched = await met.tool('access_fetch', { url, headers: { 'User-Agent': agent } });
    expect([saidIn(fetched.json), fetched.tabs, fetched.asked]).toEqual([
      '200 oauth',
      1,
      [...asAgent, 'origin + Authorization'],
    ]);
    const page = await met.command('fetch', '-A', agent, url);
    expect([page.code, page.tabs, page.asked]).toEqual([
      0,
      1,
      [...asAgent, 'origin + Authorization'],
    ]);
    const login = await met.command('login', '-A', agent, met.url('browser-login'));
    expect([login.code, login.tabs, login.asked]).toEqual([
      0,
      1,
      ['firewall', 'challenge', 'firewall', ...proof],
    ]);
    const doctor = await met.command('doctor', '-A', agent, url);
    expect(doctor.code).toBe(0);
    expect(doctor.asked.slice(0, 3)).toEqual(['firewall', 'challenge', 'firewall']);
    const other = met.url('managed-oauth', '/other');
    const detected = await met.tool('detect_protection', { url: other });
    expect(saidIn(detected.json)).toBe(oauth.detect_protection[0]);
    expect(saidIn((await met.tool('authenticate', { url: other })).json)).toMatch(/^authenticated/);
    expect(saidIn((await met.tool('get_token', { url: other })).json)).toBe('Authorization');
    expect((await met.command('token', other)).code).toBe(0);
    expect((await met.command('login', other)).code).toBe(0);
  });
});

describe('11: this machine’s clock is wrong', () => {
  it('is all that is said, and no tab opens', async () => {
    const met = await setUpFaces({ environment: () => shifted(2 * 3_600_000) });
    const { met: said, words } = await byEveryFace(met, met.url('browser-login'));
    const byCommand = ['challenge', ...proof];
    expect(said).toEqual({
      ...all('temporarily_unavailable', ['challenge']),
      detect_protection: ['browser_login', 'challenge', ...proof],
      doctor: ['exit 1', 'challenge', 'challenge', ...proof],
      login: ['exit 1', ...byCommand],
      fetch: ['exit 67', ...byCommand],
      token: ['exit 1', ...byCommand],
    });
    expectWords(words, /about 2 hours ahead of|✗ Clock +7(?:199|200|201) s ahead of/);
  });
});

describe('12: a placeholder that a host did not expand', () => {
  it('ends every start, all of them named and none of their values shown', async () => {
    const met = await setUpFaces();
    const url = met.url('managed-oauth');
    const environment = {
      CF_ACCESS_CLIENT_ID: `\${CF_ACCESS_CLIENT_ID}`,
      CF_ACCESS_CLIENT_SECRET: `\${env:CF_ACCESS_CLIENT_SECRET}`,
      CF_ACCESS_TEAM_DOMAIN: '$TEAM',
      CF_ACCESS_HOSTS: '"app.example.com"',
    };
    const expectAllIn = (text: string) => {
      for (const [name, value] of Object.entries(environment)) {
        expect(text).toContain(name);
        expect(text).not.toContain(value);
      }
    };
    for (const args of [[], ['serve'], ['fetch', url], ['login', url], ['token', url]]) {
      const run = await met.program.run(args, { environment });
      expect(run, args.join(' ')).toMatchObject({ code: 2, stdout: '' });
      expectAllIn(run.stderr);
    }
    const doctor = await met.program.run(['doctor', url], { environment });
    expect(doctor.code).toBe(1);
    expectAllIn(doctor.stdout);
    expect(doctor.stdout.match(/✗ Environment/g)).toHaveLength(4);
    expect(met.sandbox.requests).toEqual([]);
  });
});

describe('13: the address of a login page', () => {
  it('stands for the application’s, and is asked for by nobody', async () => {
    const met = await setUpFaces();
    const answer = await fetch(met.url('browser-login'), { redirect: 'manual' });
    const pasted = answer.headers.get('location') ?? '';
    expect(pasted).toContain('/cdn-cgi/access/login/');
    const { met: said, words } = await byEveryFace(met, pasted);
    expect(said).toEqual(transfer);
    const { host } = met.sandbox.applications['browser-login'].url;
    for (const face of ['detect_protection', 'authenticate', 'doctor', 'login', 'fetch'] as const) {
      expect(words[face], face).toContain(host);
    }
  });
});

describe('15: a pasted callback', () => {
  const spellings: readonly [name: string, spell: (address: URL) => string][] = [
    [
      'in angle brackets, its ampersands escaped',
      ({ href }) => `<${href.replaceAll('&', '&amp;')}>`,
    ],
    [
      'as a Markdown link of a forwarded host',
      ({ search }) => `[x](https://8400--box.example.dev/callback${search})`,
    ],
    ['as the query alone', ({ search }) => search.slice(1)],
  ];
  it.each(spellings)('%s, ends the sign-in of a tool and of a command', async (_, spell) => {
    const met = await setUpFaces();
    const url = met.url('managed-oauth');
    const stopAt = ({ pathname }: URL) => pathname === '/callback';
    const endOf = async (address: unknown) =>
      spell((await signInAs(String(address), met.sandbox.people[0] ?? '', { stopAt })).url);

    const pending = await met.server.call('authenticate', { url, wait_seconds: 0 });
    // A browser that comes after the sign-in has ended finds its port closed.
    await eventually(async () => (await met.server.opened())[0]);
    const callback_url = await endOf(pending.json.authorization_url);
    const ended = await met.tool('authenticate', { url, callback_url });
    expect([saidIn(ended.json), ended.asked]).toEqual([
      'authenticated authorization_code',
      ['token:authorization_code'],
    ]);

    const login = await met.program.run(['login', '--json', '--wait', '0', url]);
    const pasted = await endOf(login.json.authorization_url);
    const finished = await met.command('login', '--callback-url', pasted, url);
    expect([finished.code, finished.asked.at(-1)]).toEqual([0, 'token:authorization_code']);
    expect((await met.command('fetch', url)).asked).toEqual(['origin + Authorization']);
  });
});

describe('16: in a container', () => {
  it('CF_ACCESS_CALLBACK_BIND changes nothing but where the callback is listened for', async () => {
    const met = await setUpFaces({ environment: () => ({ CF_ACCESS_CALLBACK_BIND: '0.0.0.0' }) });
    const { met: said, words } = await byEveryFace(met, met.url('managed-oauth'));
    expect(said).toEqual(oauth);
    for (const warned of [met.server.stderr(), words.login]) {
      expect(warned).toContain('CF_ACCESS_CALLBACK_BIND');
    }
  });
});

describe('17: an administrator’s setup', () => {
  it('is named by doctor, without registering anything; the other faces say what to do about it', async () => {
    const met = await setUpFaces({
      environment: ({ serviceToken }) => ({ ...pairOf(serviceToken), CF_ACCESS_HEADLESS: '1' }),
    });
    // The service token is under an Allow policy in the place of Service Auth.
    const { met: said, words } = await byEveryFace(met, met.url('browser-login'));
    const refused = ['challenge', 'challenge + service token'];
    const byCommand = ['challenge', ...proof, 'challenge + service token'];
    expect(said).toEqual({
      ...all('access_denied', refused),
      detect_protection: ['browser_login', 'challenge', ...proof],
      doctor: ['exit 1', 'challenge', 'challenge', ...proof, ...refused],
      login: ['exit 1', ...byCommand],
      fetch: ['exit 67', ...byCommand],
      token: ['exit 1', ...byCommand],
    });
    for (const face of [
      'authenticate',
      'access_fetch',
      'get_token',
      'doctor',
      'login',
      'fetch',
      'token',
    ] as const) {
      expect(words[face], face).toMatch(/Service Auth policy/);
    }
    expect(words.doctor).toMatch(/! Managed OAuth +off/);
  });
});
