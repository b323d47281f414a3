/** doctor: what an administrator has set up otherwise than it was meant, told without registering anything. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Sandbox, type SandboxOptions, startSandbox } from '../../../src/sandbox/sandbox.ts';
import { createProgram, type Program } from '../program.ts';

let sandbox: Sandbox;
let program: Program;

beforeAll(async () => {
  sandbox = await startSandbox();
});
afterAll(() => sandbox.close());
beforeEach(async () => {
  program = await createProgram({ CF_ACCESS_TRANSFER_URL: sandbox.transfer.origin });
  sandbox.clearRequests();
});
afterEach(() => program.remove());

interface Finding {
  name: string;
  state: string;
  text: string;
  advice?: string;
}

async function doctor(url: string, environment: Record<string, string> = {}) {
  const { code, json } = await program.run(['doctor', '--json', url], { environment });
  const findings = json.findings as Finding[];
  return { code, of: (name: string) => findings.find((each) => each.name === name) };
}

async function withFault(
  options: SandboxOptions,
  work: (other: Sandbox) => Promise<void>,
): Promise<void> {
  const other = await startSandbox(options);
  try {
    await work(other);
  } finally {
    await other.close();
  }
}

const pairOf = ({ clientId, clientSecret }: Sandbox['serviceToken']) => ({
  CF_ACCESS_CLIENT_ID: clientId,
  CF_ACCESS_CLIENT_SECRET: clientSecret,
});
const sentPairs = () =>
  sandbox.requests.filter(({ headers }) => 'cf-access-client-id' in headers).length;

describe('a setup fault', () => {
  it('Managed OAuth that is off', async () => {
    const { code, of } = await doctor(sandbox.applications['browser-login'].url.href);
    expect(code).toBe(0);
    expect(of('Managed OAuth')).toMatchObject({
      state: 'warn',
      text: expect.stringMatching(/^off for this application/),
      advice: expect.stringContaining('turns on Managed OAuth'),
    });
    expect((await doctor(sandbox.applications['managed-oauth'].url.href)).of('Managed OAuth')).toBe(
      undefined,
    );
  });

  it('a redirect list that lacks what is registered, asked with the registration that is kept', async () => {
    const options = { redirects: { 'managed-oauth': { allowLocalhostClients: false } } };
    await withFault(options, async (other) => {
      const { 'managed-oauth': wiki, 'managed-oauth-path': admin } = other.applications;
      // Before anything is registered, nothing can be said, and nothing is asked.
      expect((await doctor(wiki.url.href)).of('Redirect URIs')).toBe(undefined);
      expect(other.requests.filter(({ what }) => what === 'authorization')).toEqual([]);
      const login = program.start(['login', `${admin.url.href}admin`]);
      await program.signIn(other.people[0] ?? '');
      await login.ended;
      other.clearRequests();
      const { of } = await doctor(wiki.url.href);
      expect(of('Redirect URIs')).toMatchObject({
        state: 'warn',
        text: expect.stringMatching(
          /refuses http:\/\/localhost:\d+\/callback, in its words: “Redirect URI not allowed/,
        ),
        advice: expect.stringMatching(/Allow localhost clients.*Allowed redirect URIs/),
      });
      expect(other.requests.map(({ what }) => what)).not.toContain('registration');
      expect(other.requests.filter(({ what }) => what === 'authorization')).toHaveLength(1);
      expect((await doctor(`${admin.url.href}admin`)).of('Redirect URIs')).toMatchObject({
        state: 'ok',
      });
      expect(await program.opened()).toHaveLength(1);
    });
  });

  it('a service token under an Allow policy instead of Service Auth', async () => {
    const { url } = sandbox.applications['browser-login'];
    const { code, of } = await doctor(url.href, pairOf(sandbox.serviceToken));
    expect(code).toBe(1);
    expect(of('Service token')).toMatchObject({
      state: 'fail',
      text: expect.stringMatching(/knows the service token.*no Service Auth policy.*action Allow/),
      advice: expect.stringContaining('Service Auth policy'),
    });
    expect(sentPairs()).toBe(1);
  });

  it.each([
    ['service-auth-or-login', 'is let in'],
    ['managed-oauth', 'is let in'],
    ['service-auth', 'is let in'],
  ] as const)('none: a service token that %s takes is sent once, and %s', async (name, words) => {
    const { code, of } = await doctor(
      sandbox.applications[name].url.href,
      pairOf(sandbox.serviceToken),
    );
    expect(code).toBe(0);
    expect(of('Service token')).toMatchObject({ state: 'ok', text: `was sent, and ${words}` });
    expect(sentPairs()).toBe(1);
  });

  it.each(['service-auth', 'strict-service-auth'] as const)(
    'a service token that no policy of %s names',
    async (name) => {
      const { url } = sandbox.applications[name];
      const { code, of } = await doctor(url.href, pairOf(sandbox.otherServiceToken));
      expect(code).toBe(1);
      expect(of('Service token')).toMatchObject({ state: 'fail' });
    },
  );

  it('a service token that is never sent, because no host is named for it', async () => {
    const environment = {
      ...pairOf(sandbox.serviceToken),
      CF_ACCESS_HOSTS: 'elsewhere.example.com',
    };
    const wiki = await doctor(sandbox.applications['managed-oauth'].url.href, environment);
    expect(wiki.of('Service token')).toMatchObject({
      state: 'warn',
      text: expect.stringContaining('never sent here'),
      advice: expect.stringContaining(sandbox.applications['managed-oauth'].url.host),
    });
    const machines = await doctor(sandbox.applications['service-auth'].url.href, environment);
    expect(machines.code).toBe(1);
    expect(machines.of('Service token')).toMatchObject({ state: 'fail' });
    expect(sentPairs()).toBe(0);
  });

  it('an application that covers another path', async () => {
    const { url } = sandbox.applications['managed-oauth-path'];
    const inside = await doctor(`${url.href}admin/x`);
    expect(inside.of('Application')).toMatchObject({
      state: 'ok',
      text: `covers “${url.host}/admin” alone, not the rest of the host`,
    });
    expect((await doctor(`${url.href}other`)).of('Application')).toBe(undefined);
    const login = program.start(['login', `${url.href}admin`]);
    await program.signIn(sandbox.people[0] ?? '');
    await login.ended;
    const outside = await doctor(`${url.href}other`);
    expect(outside.of('Guard')).toMatchObject({
      text: expect.stringContaining('needs no credential'),
    });
    expect(outside.of('Application')).toMatchObject({
      state: 'warn',
      text: `none covers this path; there is a session for ${url.href}admin`,
    });
  });

  it('a path that is taken out of an application', async () => {
    const fault: SandboxOptions['fault'] = ({ host, url }) =>
      host === 'managed-oauth' && url === '/public' ? { status: 200, body: 'open' } : undefined;
    await withFault({ fault }, async (other) => {
      const { url } = other.applications['managed-oauth'];
      expect((await doctor(`${url.href}public`)).of('Application')).toMatchObject({
        state: 'warn',
        text: `none asks for anything here, although one guards ${url.href}`,
        advice: expect.stringContaining('Bypass'),
      });
    });
  });

  it('an application that says it covers another path than this one', async () => {
    const fault: SandboxOptions['fault'] = ({ host, headers }) =>
      host === 'service-auth' && !('cf-access-metadata-request' in headers)
        ? { headers: { 'cf-access-domain': `${headers.host}/reports` } }
        : host === 'service-auth'
          ? { headers: { 'cf-access-metadata': '' } }
          : undefined;
    await withFault({ fault }, async (other) => {
      const { url } = other.applications['service-auth'];
      expect((await doctor(`${url.href}else`)).of('Application')).toMatchObject({
        state: 'warn',
        text: expect.stringContaining(`“${url.host}/reports”, which this URL is not part of`),
      });
    });
  });

  it.each([
    [
      'a rule that refuses this program',
      { status: 403, headers: { 'content-type': 'text/plain' }, body: 'error code: 1010' },
      /before Access is asked \(error 1010\)/,
    ],
    [
      'a challenge for browsers',
      {
        status: 403,
        headers: { 'cf-mitigated': 'challenge', 'content-type': 'text/html' },
        body: '<!doctype html><title>Just a moment...</title>',
      },
      /wants a browser to solve a challenge/,
    ],
  ])('a firewall before Access: %s', async (_, answer, words) => {
    await withFault(
      { fault: ({ host }) => (host === 'managed-oauth' ? answer : undefined) },
      async (other) => {
        const { code, of } = await doctor(other.applications['managed-oauth'].url.href);
        expect(code).toBe(1);
        expect(of('Firewall')).toMatchObject({
          state: 'fail',
          text: expect.stringMatching(words),
          advice: expect.stringContaining('user agent cloudflare-access-mcp'),
        });
        expect(of('Guard')).toBe(undefined);
      },
    );
  });

  it('a firewall that lets a program through by its name: the rest is asked under that one', async () => {
    const name = 'Ada’s agent/7';
    await withFault({ onlyUserAgent: 'agent/7' }, async (other) => {
      const { url } = other.applications['managed-oauth'];
      expect((await doctor(url.href)).of('Firewall')).toMatchObject({ state: 'fail' });
      other.clearRequests();
      const path = join(program.place, 'recording.json');
      const run = await program.run(['doctor', '-A', name, '--json', url.href, '--record', path]);
      const of = (wanted: string) =>
        (run.json.findings as Finding[]).find((each) => each.name === wanted);
      expect(run.code).toBe(0);
      expect(of('Firewall')).toMatchObject({
        state: 'warn',
        text: expect.stringContaining('lets the one of --user-agent through'),
        advice: expect.stringContaining('fetch with -A'),
      });
      expect(of('Guard')).toMatchObject({ state: 'ok' });
      expect(of('Authorization server')).toMatchObject({ state: 'ok' });
      expect(of('Team')).toMatchObject({ state: 'ok' });
      const names = other.requests
        .filter(
          ({ host, headers }) =>
            host === 'managed-oauth' && !/^Mozilla/.test(String(headers['user-agent'])),
        )
        .map(({ what, headers }) => [what, headers['user-agent'] === 'cloudflare-access-mcp']);
      expect(names.slice(0, 2)).toEqual([
        ['firewall', true],
        ['challenge', false],
      ]);
      expect(names.filter(([what, isOurs]) => isOurs !== (what === 'firewall'))).toEqual([]);
      const recording = await readFile(path, 'utf8');
      expect(recording).toContain('user-agent: {');
      expect(recording).not.toContain('Ada');
      expect(recording).not.toContain('1010');
    });
    const broken = await program.run(['doctor', '-A', 'a\nb', sandbox.team.href]);
    expect(broken.code).toBe(2);
  });
});
