/**
 * Access refuses OPTIONS, whoever asks, and other methods may meet an answer that leaves open who may get
 * in: one GET without a body is asked before anything is concluded (cloudflare-access.md §1).
 */
import { afterEach, describe, expect, it } from 'vitest';
import type { ApplicationName } from '../../src/sandbox/catalogue.ts';
import type { SandboxOptions } from '../../src/sandbox/options.ts';
import { type Sandbox, startSandbox } from '../../src/sandbox/sandbox.ts';
import { signInAs } from '../../src/sandbox/team/person.ts';
import { createProgram } from '../cli/program.ts';
import { type Answerer, credentialsIn, startEvilHost } from '../support/evil-host.ts';
import { eventually, startServer, type TestServer } from '../support/mcp-server.ts';

let sandbox: Sandbox;
let server: TestServer;
const cleanUps: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

async function start(
  options: SandboxOptions = {},
  environment: (started: Sandbox) => Record<string, string> = () => ({}),
): Promise<void> {
  sandbox = await startSandbox(options);
  cleanUps.push(() => sandbox.close());
  server = await startServer({
    environment: { CF_ACCESS_TRANSFER_URL: sandbox.transfer.origin, ...environment(sandbox) },
  });
  cleanUps.push(() => server.close());
}
const pair = ({ serviceToken }: Sandbox) => ({
  CF_ACCESS_CLIENT_ID: serviceToken.clientId,
  CF_ACCESS_CLIENT_SECRET: serviceToken.clientSecret,
});
const url = (name: ApplicationName) => new URL('/echo', sandbox.applications[name].url).href;
const call = (name: ApplicationName, method = 'OPTIONS', more: Record<string, unknown> = {}) =>
  server.call('access_fetch', { url: url(name), method, ...more });
/** At the application, but for the person's browser: the method, what it turned out to be, and the credential. */
const seen = (name: ApplicationName) =>
  sandbox.requests
    .filter(({ host, what }) => host === name && /^(?:challenge|refused|origin)$/.test(what))
    .filter(({ headers }) => headers['user-agent'] === 'cloudflare-access-mcp')
    .map((request) => [request.method, request.what, ...credentialsIn(request)].join(' '));
const personSignsIn = async () =>
  signInAs(await eventually(async () => (await server.opened())[0]), sandbox.people[0] ?? '');
const withPair = 'cf-access-client-id cf-access-client-secret';

describe.each(['refused', 'refused_by_name'] as const)('OPTIONS that is %s', (preflights) => {
  it('asks a person to sign in where a GET would, and is sent again with the credential', async () => {
    await start({ preflights });
    const fetching = call('managed-oauth');
    await personSignsIn();
    const { json } = await fetching;
    const asked = ['OPTIONS refused', 'GET challenge', 'OPTIONS refused authorization'];
    if (preflights === 'refused') {
      // Nothing shows whose 403 it is: it is given as it stands.
      expect(json).toMatchObject({ status: 403, auth: 'oauth' });
      expect(seen('managed-oauth')).toEqual(asked);
    } else {
      expect(json.error?.code).toBe('access_denied');
      expect(json.error?.message).toContain('OPTIONS');
      expect(json.error?.next_step).toContain('CORS');
      expect(seen('managed-oauth')).toEqual([...asked, 'GET origin authorization']);
    }
    expect(await server.opened()).toHaveLength(1);
    // The session that was obtained is no worse for it.
    expect((await call('managed-oauth', 'GET')).json).toMatchObject({ status: 200, auth: 'oauth' });
  });

  it('does not speak against a service token', async () => {
    await start({ preflights }, pair);
    const { json } = await call('service-auth');
    if (preflights === 'refused') {
      expect(json).toMatchObject({ status: 403, auth: 'service_token' });
    } else {
      expect(json.error?.code).toBe('access_denied');
      expect(json.error?.message).toContain('whoever sends them');
    }
    // What names Access asks for the service token by that alone.
    expect(seen('service-auth')).toEqual(
      preflights === 'refused'
        ? ['OPTIONS refused', 'GET refused', `OPTIONS refused ${withPair}`]
        : ['OPTIONS refused', `OPTIONS refused ${withPair}`, `GET origin ${withPair}`],
    );
    expect((await call('service-auth', 'GET')).json).toMatchObject({
      status: 200,
      auth: 'service_token',
    });
  });

  it('has a person sign in where a service token seemed to be asked for, and does not help', async () => {
    await start({ preflights }, pair);
    const fetching = call('browser-login');
    await personSignsIn();
    const { json } = await fetching;
    if (preflights === 'refused') expect(json).toMatchObject({ status: 403 });
    else expect(json.error?.message).toContain('refuses OPTIONS requests');
    expect(seen('browser-login')).toEqual(
      preflights === 'refused'
        ? ['OPTIONS refused', 'GET challenge', 'OPTIONS refused cf-access-token']
        : [
            'OPTIONS refused',
            `OPTIONS refused ${withPair}`,
            `GET challenge ${withPair}`,
            'OPTIONS refused cf-access-token',
            'GET origin cf-access-token',
          ],
    );
    expect(await server.opened()).toHaveLength(1);
  });

  it('does not speak for a service token that is refused where nobody may be asked', async () => {
    await start({ preflights }, (started) => ({ ...pair(started), CF_ACCESS_HEADLESS: '1' }));
    const { json } = await call('browser-login');
    const asked = ['OPTIONS refused', `OPTIONS refused ${withPair}`];
    if (preflights === 'refused') {
      expect(json).toMatchObject({ status: 403, auth: 'service_token' });
      expect(seen('browser-login')).toEqual([asked[0], 'GET challenge', asked[1]]);
    } else {
      expect(json.error?.code).toBe('access_denied');
      expect(json.error?.message).toContain('service token');
      expect(seen('browser-login')).toEqual([...asked, `GET challenge ${withPair}`]);
    }
  });

  it('is not asked about where only a person helps and nobody may be asked', async () => {
    await start({ preflights });
    const { json } = await call('browser-login', 'OPTIONS', { sign_in: false });
    expect(json.error?.code).toBe('sign_in_required');
    expect(seen('browser-login')).toEqual(['OPTIONS refused', 'GET challenge']);
  });
});

describe('OPTIONS that an administrator lets through', () => {
  it('reaches the application with the service token, which is not asked about again', async () => {
    await start({ preflights: 'passed' }, pair);
    const { json } = await call('service-auth');
    expect(json).toMatchObject({ status: 200, auth: 'service_token' });
    expect(seen('service-auth')).toEqual(['OPTIONS refused', `OPTIONS origin ${withPair}`]);
    sandbox.clearRequests();
    await call('service-auth');
    expect(seen('service-auth')).toEqual([`OPTIONS origin ${withPair}`]);
  });

  it('reaches an application with a Bypass policy in one request, whatever is refused elsewhere', async () => {
    await start();
    expect((await call('bypass')).json).toMatchObject({ status: 200, auth: 'none' });
    expect(seen('bypass')).toEqual(['OPTIONS origin']);
  });

  it('and the application refuses is asked about once in a page, since no guard is there', async () => {
    await start({
      fault: ({ host, method }) =>
        host === 'bypass' && method === 'OPTIONS' ? { status: 403 } : undefined,
    });
    for (const time of ['first', 'second']) {
      expect((await call('bypass')).json).toMatchObject({ status: 403, auth: 'none' });
      expect(seen('bypass'), time).toEqual(
        ['OPTIONS origin', 'GET origin', 'OPTIONS origin'].slice(0, time === 'first' ? 2 : 3),
      );
    }
  });
});

it('the command line has the person sign in for OPTIONS as well', async () => {
  await start({ preflights: 'refused_by_name' });
  const program = await createProgram({ CF_ACCESS_TRANSFER_URL: sandbox.transfer.origin });
  cleanUps.push(() => program.remove());
  const running = program.start(['fetch', '-X', 'OPTIONS', url('managed-oauth')]);
  await program.signIn(sandbox.people[0] ?? '');
  const { code, stderr } = await running.ended;
  expect(code).toBe(67);
  expect(stderr).toContain('refuses OPTIONS requests');
});

describe('other methods', () => {
  it('with a service token that is asked for cost no request more', async () => {
    await start({}, pair);
    const { json } = await call('service-auth', 'POST', { body: 'body' });
    expect(json).toMatchObject({ status: 200, auth: 'service_token' });
    expect(seen('service-auth')).toEqual(['POST refused', `POST origin ${withPair}`]);
  });

  it('that are refused by name are sent with the service token at once, too', async () => {
    await start({}, pair);
    const { json } = await call('denied-or-login', 'POST', { body: 'body' });
    expect(json).toMatchObject({ status: 200, auth: 'service_token' });
    expect(seen('denied-or-login')).toEqual(['POST refused', `POST origin ${withPair}`]);
  });

  it('that a guard refuses are asked about with a GET, which shows where people sign in', async () => {
    await start();
    const login = `${sandbox.team.origin}/cdn-cgi/access/login/x?kid=${'a'.repeat(64)}`;
    const answer: Answerer = ({ method }) =>
      method === 'POST'
        ? { status: 403, headers: { 'cf-access-aud': 'a'.repeat(64) } }
        : { status: 302, headers: { location: login } };
    const host = await startEvilHost(answer);
    cleanUps.push(() => host.close());
    const { json } = await server.call('access_fetch', {
      url: host.url.href,
      method: 'POST',
      body: 'x',
      sign_in: false,
    });
    expect(json.error?.code).toBe('sign_in_required');
    expect(host.reached.map(({ method }) => method)).toEqual(['POST', 'GET', 'HEAD']);
    expect(host.reached.flatMap(credentialsIn)).toEqual([]);
  });

  it.each(['POST', 'OPTIONS'])(
    'whose 403 is the application’s own are not asked about: %s, not through Cloudflare',
    async (method) => {
      await start();
      const host = await startEvilHost(() => ({ status: 403, body: 'no' }));
      cleanUps.push(() => host.close());
      const { json } = await server.call('access_fetch', { url: host.url.href, method });
      expect(json).toMatchObject({ status: 403, auth: 'none' });
      expect(host.reached).toHaveLength(1);
    },
  );
});
