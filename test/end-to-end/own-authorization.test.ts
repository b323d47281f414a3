/**
 * An Authorization of the agent's own, at an application whose OAuth token would travel in that field:
 * the application's JWT goes beside it (cloudflare-access.md §3.4), and where Access takes none there,
 * `header_not_allowed` says so.
 */
import { afterEach, describe, expect, it } from 'vitest';
import type { SandboxOptions } from '../../src/sandbox/options.ts';
import { type Sandbox, startSandbox } from '../../src/sandbox/sandbox.ts';
import { signInAs } from '../../src/sandbox/team/person.ts';
import { createProgram } from '../cli/program.ts';
import { credentialsIn } from '../support/evil-host.ts';
import { ask, startForward } from '../support/forwarding.ts';
import { eventually, startServer, type TestServer } from '../support/mcp-server.ts';

let sandbox: Sandbox;
let server: TestServer;
const cleanUps: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

async function start(options: SandboxOptions = {}): Promise<void> {
  sandbox = await startSandbox(options);
  cleanUps.push(() => sandbox.close());
  server = await startServer({ environment: { CF_ACCESS_TRANSFER_URL: sandbox.transfer.origin } });
  cleanUps.push(() => server.close());
}

const own = 'Basic dXNlcjpwYXNz';
const url = () => new URL('/echo', sandbox.applications['managed-oauth'].url).href;
const fetchIt = (headers: Record<string, string> = {}) =>
  server.call('access_fetch', { url: url(), headers });
/** What was asked by us, with the credential that it carried. */
const seen = () =>
  sandbox.requests
    .filter(({ headers }) => headers['user-agent'] === 'cloudflare-access-mcp')
    .map((request) => [request.what, ...credentialsIn(request)].join(' '));
const nextTab = async (at: number) => {
  const opened = await eventually(async () => (await server.opened())[at]);
  await signInAs(opened, sandbox.people[0] ?? '');
  return new URL(opened).pathname;
};
async function signInByOAuth(at: number): Promise<void> {
  const signingIn = server.call('authenticate', { url: url() });
  expect(await nextTab(at)).toContain('/oauth/authorization');
  expect((await signingIn).json).toMatchObject({ method: 'authorization_code' });
}

describe('where Access takes the JWT', () => {
  it('reaches the application beside it, after one sign-in of its own', async () => {
    await start();
    const fetching = fetchIt({ Authorization: own });
    expect(await nextTab(0)).toBe('/cdn-cgi/access/cli');
    const { json, body } = await fetching;
    expect(json).toMatchObject({ status: 200, auth: 'cf_access_token' });
    expect(JSON.parse(body).headers).toMatchObject({
      authorization: own,
      'cf-access-authenticated-user-email': sandbox.people[0],
    });
    expect(seen().filter((one) => !one.startsWith('transfer'))).toEqual([
      'challenge authorization',
      'resource_metadata',
      'server_metadata',
      'signed_answer',
      'certs',
      'origin authorization cf-access-token',
    ]);
    sandbox.clearRequests();
    expect((await fetchIt({ authorization: own })).json).toMatchObject({ status: 200 });
    expect(seen()).toEqual(['origin authorization cf-access-token']);
    expect(await server.opened()).toHaveLength(1);
  });

  it('leaves the session by OAuth as it is, for requests without one', async () => {
    await start();
    await signInByOAuth(0);
    const fetching = fetchIt({ Authorization: own });
    expect(await nextTab(1)).toBe('/cdn-cgi/access/cli');
    expect((await fetching).json).toMatchObject({ status: 200, auth: 'cf_access_token' });
    sandbox.clearRequests();
    expect((await fetchIt()).json).toMatchObject({ status: 200, auth: 'oauth' });
    expect((await fetchIt({ Authorization: own })).json.auth).toBe('cf_access_token');
    expect(seen()).toEqual(['origin authorization', 'origin authorization cf-access-token']);
    expect(await server.opened()).toHaveLength(2);
  });

  it('signs nobody in where the call forbids it, and again where the JWT has ended', async () => {
    await start();
    const headers = { Authorization: own };
    const forbidden = await server.call('access_fetch', { url: url(), headers, sign_in: false });
    expect(forbidden.json.error?.code).toBe('sign_in_required');
    const first = fetchIt(headers);
    await nextTab(0);
    expect((await first).json.status).toBe(200);
    sandbox.expireAccessTokens();
    const second = fetchIt(headers);
    await nextTab(1);
    expect((await second).json).toMatchObject({ status: 200, auth: 'cf_access_token' });
    expect(await server.opened()).toHaveLength(2);
  });

  it('serves fetch and forward of the command line, and logout ends it too', async () => {
    await start();
    const program = await createProgram({ CF_ACCESS_TRANSFER_URL: sandbox.transfer.origin });
    cleanUps.push(() => program.remove());
    const forward = await startForward(program, new URL(url()).origin);
    cleanUps.push(() => forward.end());
    const asking = ask(forward.local, '/echo', {
      method: 'POST',
      body: 'body',
      headers: { authorization: own, 'content-length': 4 },
    });
    await program.signIn(sandbox.people[0] ?? '');
    const { status, body } = await asking;
    expect(status).toBe(200);
    expect(JSON.parse(body)).toMatchObject({ body: 'body', headers: { authorization: own } });
    sandbox.clearRequests();
    const { code, stdout } = await program.run(['fetch', '-H', `Authorization: ${own}`, url()]);
    expect(code).toBe(0);
    expect(JSON.parse(stdout).headers).toMatchObject({ authorization: own });
    expect(seen()).toEqual(['origin authorization cf-access-token']);
    expect(await program.opened()).toHaveLength(1);
    const ended = await program.run(['logout', '--json', url()]);
    expect(ended.json).toMatchObject({ ended: [{ revocation: 'unsupported' }] });
    expect((await program.run(['status', '--json'])).json).toMatchObject({ sessions: [] });
  });
});

describe('where Access refuses the JWT too', () => {
  it('says header_not_allowed after one sign-in, and to the next call at once', async () => {
    await start({ jwtOpensManagedOAuth: false });
    await signInByOAuth(0);
    const fetching = fetchIt({ Authorization: own });
    expect(await nextTab(1)).toBe('/cdn-cgi/access/cli');
    const { error } = (await fetching).json;
    expect(error?.code).toBe('header_not_allowed');
    expect(error?.message).toContain('cf-access-token');
    const again = await fetchIt({ Authorization: own });
    expect(again.json.error?.code).toBe('header_not_allowed');
    expect(await server.opened()).toHaveLength(2);
    sandbox.clearRequests();
    expect((await fetchIt()).json).toMatchObject({ status: 200, auth: 'oauth' });
    expect(seen()).toEqual(['origin authorization']);
  });
});
