/**
 * `403` with `Cf-Access-Error` to a request that carried nothing is a guard's no and no verdict: a
 * service token that may be sent is sent, a sign-in is offered where the signed answer proves an
 * application, and only what is refused then is refused for good (cloudflare-access.md §1).
 */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { ApplicationName } from '../../src/sandbox/catalogue.ts';
import { type Sandbox, startSandbox } from '../../src/sandbox/sandbox.ts';
import { signInAs } from '../../src/sandbox/team/person.ts';
import { createProgram } from '../cli/program.ts';
import { credentialsIn, type EvilHost, startEvilHost } from '../support/evil-host.ts';
import { eventually, startServer, type TestServer } from '../support/mcp-server.ts';

let sandbox: Sandbox;
let server: TestServer;
const cleanUps: (() => Promise<unknown>)[] = [];
beforeAll(async () => {
  sandbox = await startSandbox();
});
afterAll(() => sandbox.close());
beforeEach(() => sandbox.clearRequests());
afterEach(async () => {
  sandbox.setAdmitted(sandbox.people[0] ?? '', true);
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

async function start(environment: Record<string, string> = {}): Promise<void> {
  server = await startServer({
    environment: { CF_ACCESS_TRANSFER_URL: sandbox.transfer.origin, ...environment },
  });
  cleanUps.push(() => server.close());
}
async function evil(headers: Record<string, string>): Promise<EvilHost> {
  const host = await startEvilHost(() => ({ status: 403, headers }));
  cleanUps.push(() => host.close());
  return host;
}

const url = (name: ApplicationName = 'denied-or-login') =>
  new URL('/echo', sandbox.applications[name].url).href;
const pair = (token = sandbox.serviceToken) => ({
  CF_ACCESS_CLIENT_ID: token.clientId,
  CF_ACCESS_CLIENT_SECRET: token.clientSecret,
});
const headless = { CF_ACCESS_HEADLESS: '1' };
/** Everything that was asked, with the credential that it carried. */
const seen = () =>
  sandbox.requests.map((request) => [request.what, ...credentialsIn(request)].join(' '));
const personSignsIn = async (at = 0) =>
  signInAs(await eventually(async () => (await server.opened())[at]), sandbox.people[0] ?? '');

const withPair = 'cf-access-client-id cf-access-client-secret';

describe('with a service token that the application allows', () => {
  it('access_fetch sends it, once the stranger was refused, and asks nobody', async () => {
    await start(pair());
    const first = await server.call('access_fetch', { url: url() });
    expect(first.json).toMatchObject({ status: 200, auth: 'service_token' });
    expect(seen()).toEqual(['refused', 'signed_answer', 'certs', `origin ${withPair}`]);
    sandbox.clearRequests();
    await server.call('access_fetch', { url: url() });
    expect(seen()).toEqual([`origin ${withPair}`]);
    expect(await server.opened()).toEqual([]);
  });

  it('authenticate tries it, and a person signs in where one is asked for by name', async () => {
    await start(pair());
    for (const method of ['auto', 'service_token']) {
      const { json } = await server.call('authenticate', { url: url(), method });
      expect(json).toMatchObject({ status: 'authenticated', method: 'service_token' });
    }
    expect(seen().filter((one) => one.startsWith('origin'))).toEqual([
      `origin ${withPair}`,
      `origin ${withPair}`,
    ]);
    expect(await server.opened()).toEqual([]);
    const asking = server.call('authenticate', { url: url(), method: 'browser' });
    await personSignsIn();
    expect((await asking).json).toMatchObject({ method: 'browser_transfer' });
    sandbox.clearRequests();
    const { json } = await server.call('access_fetch', { url: url() });
    expect(json).toMatchObject({ status: 200, auth: 'cf_access_token' });
    expect(seen()).toEqual(['origin cf-access-token']);
  });

  it('get_token gives the application’s JWT that it brings', async () => {
    await start({ ...pair(), ...headless });
    const { json } = await server.call('get_token', { url: url() });
    expect(json).toMatchObject({ header: 'cf-access-token' });
    const answer = await fetch(url(), { headers: { 'cf-access-token': String(json.value) } });
    expect(answer.status).toBe(200);
  });

  it('the command line gets the page with it', async () => {
    const program = await createProgram({ ...pair(), ...headless });
    cleanUps.push(() => program.remove());
    const { code, stdout } = await program.run(['fetch', url()]);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ method: 'GET' });
    expect(seen().at(-1)).toBe(`origin ${withPair}`);
  });
});

describe('with a service token that no policy names', () => {
  it.each(['denied-or-login', 'denied'] as const)(
    'what %s says to it is final, and nobody is asked to sign in',
    async (name) => {
      await start(pair(sandbox.otherServiceToken));
      for (const tool of ['access_fetch', 'authenticate']) {
        const { json } = await server.call(tool, { url: url(name) });
        expect(json.error?.code).toBe('access_denied');
        expect(json.error?.message).toContain('does not allow it');
        expect(json.error?.message).not.toContain('“1”');
      }
      expect(seen().filter((one) => one.includes('secret'))).toHaveLength(2);
      expect(await server.opened()).toEqual([]);
    },
  );
});

describe('without a service token', () => {
  it('a person signs in to the application that the signed answer proves', async () => {
    await start();
    const detected = await server.call('detect_protection', { url: url() });
    expect(detected.json).toMatchObject({
      protection: 'denied',
      sign_in: ['browser_transfer'],
      team_verified: true,
    });
    expect(seen()).toEqual(['refused', 'signed_answer', 'certs']);
    const token = await server.call('get_token', { url: url() });
    expect(token.json.error?.code).toBe('sign_in_required');
    const fetching = server.call('access_fetch', { url: url() });
    await personSignsIn();
    expect((await fetching).json).toMatchObject({ status: 200, auth: 'cf_access_token' });
    expect(await server.opened()).toHaveLength(1);
  });

  it('what is said to that person is final: nobody signs in again, and “1” is not quoted', async () => {
    await start();
    const signingIn = server.call('authenticate', { url: url() });
    await personSignsIn();
    await signingIn;
    sandbox.setAdmitted(sandbox.people[0] ?? '', false);
    sandbox.clearRequests();
    const { json } = await server.call('access_fetch', { url: url() });
    expect(json.error?.code).toBe('access_denied');
    expect(json.error?.message).toContain('this identity');
    expect(json.error?.message).not.toContain('1”');
    expect(seen()).toEqual(['refused cf-access-token']);
    expect(await server.opened()).toHaveLength(1);
  });

  it('headless, it is said that a person or a service token is missing', async () => {
    await start(headless);
    for (const tool of ['access_fetch', 'authenticate']) {
      const { json } = await server.call(tool, { url: url() });
      expect(json.error?.code).toBe('sign_in_required');
      expect(json.error?.next_step).toContain('CF_ACCESS_CLIENT_ID');
    }
    expect(await server.opened()).toEqual([]);
  });

  it('the command line says whom to ask, and opens what the person signs in at', async () => {
    const program = await createProgram({ CF_ACCESS_TRANSFER_URL: sandbox.transfer.origin });
    cleanUps.push(() => program.remove());
    const running = program.start(['fetch', url()]);
    await program.signIn(sandbox.people[0] ?? '');
    expect((await running.ended).code).toBe(0);
    const given = await program.run(['token', url()]);
    expect(given.code).toBe(0);
  });
});

describe('at a host that proves no application', () => {
  const says = { 'cf-access-error': 'Not on the list', 'cf-access-aud': 'a'.repeat(64) };

  it('nobody signs in, though the person vouches for it, and its words are quoted', async () => {
    const host = await evil(says);
    await start();
    for (const tool of ['access_fetch', 'authenticate', 'get_token']) {
      const { json } = await server.call(tool, { url: host.url.href });
      expect(json.error?.code).toBe('access_denied');
      expect(json.error?.message).toContain('“Not on the list”');
    }
    const { json } = await server.call('detect_protection', { url: host.url.href });
    expect(json).toMatchObject({ protection: 'denied', sign_in: [] });
    expect(json.next_step).toContain('“Not on the list”');
    expect(await server.opened()).toEqual([]);
  });

  it('a service token that is not for it stays here, and that is said', async () => {
    const host = await evil(says);
    await start({ ...pair(), CF_ACCESS_HOSTS: 'app.example.com' });
    for (const tool of ['access_fetch', 'authenticate']) {
      const { json } = await server.call(tool, { url: host.url.href });
      expect(json.error?.code).toBe('service_token_host_not_allowed');
    }
    expect(host.reached.flatMap(credentialsIn)).toEqual([]);
    expect(await server.opened()).toEqual([]);
  });
});
