/**
 * Hosts that are not quite one application with one address: an application of several domains, whose
 * login leads over all of them, and previews, which exist only with a token in the query
 * (cloudflare-access.md §5.7 and §6).
 */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ApplicationName } from '../../src/sandbox/catalogue.ts';
import { type Sandbox, startSandbox } from '../../src/sandbox/sandbox.ts';
import { signInAs } from '../../src/sandbox/team/person.ts';
import { createProgram } from '../cli/program.ts';
import { credentialsIn } from '../support/evil-host.ts';
import { eventually, startServer, type TestServer } from '../support/mcp-server.ts';

let sandbox: Sandbox;
let server: TestServer;
const cleanUps: (() => Promise<unknown>)[] = [];
beforeEach(async () => {
  sandbox = await startSandbox();
  cleanUps.push(() => sandbox.close());
});
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

const environment = () => ({ CF_ACCESS_TRANSFER_URL: sandbox.transfer.origin });
async function start(more: Record<string, string> = {}): Promise<void> {
  server = await startServer({ environment: { ...environment(), ...more } });
  cleanUps.push(() => server.close());
}
const url = (name: ApplicationName, path = '/echo') =>
  new URL(path, sandbox.applications[name].url).href;
const call = (tool: string, at: string, more: Record<string, unknown> = {}) =>
  server.call(tool, { url: at, ...more });
async function personSignsIn(calling: Promise<unknown>): Promise<void> {
  const opened = await eventually(async () => (await server.opened())[0]);
  await signInAs(opened, sandbox.people[0] ?? '');
  await calling;
  sandbox.clearRequests();
}
/** What we asked, not the person's browser: the host, the path, and what was sent there. */
const seen = () =>
  sandbox.requests
    .filter(({ headers }) => headers['user-agent'] === 'cloudflare-access-mcp')
    .map((request) =>
      [
        request.host,
        `${request.method} ${request.url.replace(/\?.*/, '')}`,
        ...credentialsIn(request),
      ].join(' '),
    );

describe('an application of two domains', () => {
  const asked = 'browser-login-two-domains';
  const other = 'browser-login-two-domains-other';

  it.each([
    [asked, other],
    [other, asked],
  ] as const)(
    'is entered at %s by the team’s login alone, and %s is sent nothing',
    async (to, by) => {
      await start();
      await personSignsIn(call('access_fetch', url('browser-login')));
      const { json } = await call('access_fetch', url(to));
      expect(json).toMatchObject({ status: 200, auth: 'cf_access_token' });
      const host = sandbox.applications[to].url.host;
      expect(seen()).toEqual([
        `${to} GET /echo`,
        `${to} HEAD /echo`,
        `${to} HEAD /echo`,
        `team HEAD /cdn-cgi/access/login/${host} cookie`,
        `${by} HEAD /cdn-cgi/access/authorized`,
        `${to} HEAD /cdn-cgi/access/authorized cookie`,
        `${to} GET /echo cf-access-token`,
      ]);
      expect(await server.opened()).toHaveLength(1);
    },
  );

  it('takes a person where the other domain may not be asked', async () => {
    const may = [asked, 'browser-login'] as const;
    await start({
      CF_ACCESS_ALLOWED_HOSTS: may.map((name) => sandbox.applications[name].url.host).join(','),
    });
    await personSignsIn(call('access_fetch', url('browser-login')));
    const { json } = await call('access_fetch', url(asked), { sign_in: false });
    expect(json.error?.code).toBe('sign_in_required');
    expect(seen().filter((one) => one.startsWith(other))).toEqual([]);
  });

  it('lets a person in like any other, on the command line too', async () => {
    await start();
    const detected = await call('detect_protection', url(asked));
    expect(detected.json).toMatchObject({ sign_in: ['browser_transfer'], team_verified: true });
    const program = await createProgram(environment());
    cleanUps.push(() => program.remove());
    const running = program.start(['fetch', url(asked)]);
    await program.signIn(sandbox.people[0] ?? '');
    expect((await running.ended).code).toBe(0);
    // Another origin, though the same application: that token is not sent there.
    sandbox.clearRequests();
    const { code } = await program.run(['fetch', url(other)]);
    expect(code).toBe(0);
    expect(seen()[0]).toBe(`${other} GET /echo`);
    expect(await program.opened()).toHaveLength(1);
  });
});

describe('a host that exists only with a query', () => {
  const name = 'browser-login-preview';
  const preview = '/echo?preview=t0ken';

  it('proves its application when it is asked with the query, after the path alone was unknown', async () => {
    await start();
    const { json } = await call('detect_protection', url(name, preview));
    expect(json).toMatchObject({
      protection: 'browser_login',
      sign_in: ['browser_transfer'],
      team_domain: sandbox.team.host,
      team_verified: true,
    });
    const proofs = sandbox.requests.filter(
      ({ headers }) => headers['cf-access-metadata-request'] === 'true',
    );
    expect(proofs.map((one) => [one.method, one.url, one.answered])).toEqual([
      ['HEAD', '/echo', 404],
      ['HEAD', preview, 302],
    ]);
    expect(sandbox.requests.length).toBeLessThanOrEqual(5);
    expect(sandbox.requests.flatMap(credentialsIn)).toEqual([]);
    // Proven for ten minutes, like any other.
    sandbox.clearRequests();
    await call('detect_protection', url(name, preview));
    expect(seen()).toEqual([`${name} GET /echo`]);
  });

  it('is detected in five requests where it offers OAuth as well', async () => {
    await sandbox.close();
    const offering = 'managed-oauth';
    sandbox = await startSandbox({
      fault: ({ host, method, url: asked }) =>
        host === offering && method === 'HEAD' && !asked.includes('preview=')
          ? { status: 404 }
          : undefined,
    });
    await start();
    const { json } = await call('detect_protection', url(offering, preview));
    expect(json).toMatchObject({ protection: 'managed_oauth', team_verified: true });
    expect(seen()).toEqual([
      `${offering} GET /echo`,
      `${offering} HEAD /echo`,
      'team GET /cdn-cgi/access/certs',
      `${offering} GET /.well-known/cloudflare-access-protected-resource/echo`,
      'team GET /.well-known/oauth-authorization-server',
    ]);
  });

  it('is signed in to and fetched, also on the command line', async () => {
    await start();
    const fetching = call('access_fetch', url(name, preview));
    await personSignsIn(fetching);
    expect((await fetching).json).toMatchObject({ status: 200, auth: 'cf_access_token' });
    expect((await call('get_token', url(name, preview))).json).toMatchObject({
      header: 'cf-access-token',
    });
    const program = await createProgram({ ...environment(), CF_ACCESS_DATA_DIR: server.dataDir });
    cleanUps.push(() => program.remove());
    const { code, stdout } = await program.run(['fetch', url(name, preview)]);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ url: preview });
  });

  it('is entered by the team’s login alone, asked with the query', async () => {
    await start();
    await personSignsIn(call('access_fetch', url('browser-login')));
    const { json } = await call('access_fetch', url(name, preview));
    expect(json).toMatchObject({ status: 200, auth: 'cf_access_token' });
    expect(
      sandbox.requests.map((request) => [request.what, request.method, ...credentialsIn(request)]),
    ).toEqual([
      ['challenge', 'GET'],
      ['nothing_there', 'HEAD'],
      ['signed_answer', 'HEAD'],
      ['challenge', 'HEAD'],
      ['login_page', 'HEAD', 'cookie'],
      ['callback', 'HEAD', 'cookie'],
      ['origin', 'GET', 'cf-access-token'],
    ]);
    const asked = sandbox.requests.filter(
      ({ what, host }) => what === 'challenge' && host === name,
    );
    expect(asked.map((request) => request.url)).toEqual([preview, preview]);
    expect(await server.opened()).toHaveLength(1);
  });

  it('costs no question more where the path alone is answered', async () => {
    await start();
    await call('detect_protection', url('browser-login', '/echo?a=1'));
    await call('detect_protection', url('browser-login', '/echo?a=2'));
    expect(sandbox.requests.map(({ what }) => what)).toEqual([
      'challenge',
      'signed_answer',
      'certs',
      'challenge',
    ]);
  });
});
