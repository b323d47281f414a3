/**
 * After an administrator's “Revoke existing tokens” a refresh goes on giving tokens, and Access refuses
 * them (cloudflare-access.md §3.5): one fresh sign-in follows by itself, whoever else wants it.
 */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type Sandbox, startSandbox } from '../../src/sandbox/sandbox.ts';
import type { FaultHook } from '../../src/sandbox/server/fault.ts';
import { signInAs } from '../../src/sandbox/team/person.ts';
import { createProgram } from '../cli/program.ts';
import { eventually, startServer, type TestServer } from '../support/mcp-server.ts';

let sandbox: Sandbox;
let server: TestServer;
let fault: FaultHook;
const cleanUps: (() => Promise<unknown>)[] = [];
const environment = () => ({ CF_ACCESS_TRANSFER_URL: sandbox.transfer.origin });

beforeEach(async () => {
  fault = () => undefined;
  sandbox = await startSandbox({ fault: (request) => fault(request) });
  cleanUps.push(() => sandbox.close());
  server = await startServer({ environment: environment() });
  cleanUps.push(() => server.close());
});
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

const url = () => new URL('/echo', sandbox.applications['managed-oauth'].url).href;
const fetchIt = (by = server, more: Record<string, unknown> = {}) =>
  by.call('access_fetch', { url: url(), ...more });
const tab = async (at: number, by = server) => {
  const opened = await eventually(async () => (await by.opened())[at]);
  await signInAs(opened, sandbox.people[0] ?? '');
};
async function signIn(): Promise<void> {
  const fetching = fetchIt();
  await tab(0);
  expect((await fetching).json).toMatchObject({ status: 200, auth: 'oauth' });
  sandbox.clearRequests();
}
const seen = (pattern = /./) =>
  sandbox.requests
    .filter(({ headers }) => headers['user-agent'] === 'cloudflare-access-mcp')
    .map(({ what }) => what)
    .filter((what) => pattern.test(what));

it('costs one tab, and no registration', async () => {
  await signIn();
  sandbox.revokeTokens();
  const fetching = fetchIt();
  await tab(1);
  expect((await fetching).json).toMatchObject({ status: 200, auth: 'oauth' });
  expect(seen()).toEqual([
    'challenge',
    'token:refresh_token',
    'challenge',
    'resource_metadata',
    'token:authorization_code',
    'origin',
  ]);
  sandbox.clearRequests();
  expect((await fetchIt()).json).toMatchObject({ status: 200 });
  expect(seen()).toEqual(['origin']);
  expect(await server.opened()).toHaveLength(2);
});

it('is one sign-in for all processes, and none of them takes up what was revoked', async () => {
  await signIn();
  const others = await Promise.all(
    [1, 2, 3].map(() => startServer({ dataDir: server.dataDir, environment: environment() })),
  );
  cleanUps.push(() => Promise.all(others.map((other) => other.close())));
  const all = [server, ...others];
  await Promise.all(all.map((each) => fetchIt(each)));
  sandbox.revokeTokens();
  sandbox.clearRequests();
  const fetching = Promise.all(all.map((each) => fetchIt(each)));
  const addresses = async () =>
    (await Promise.all(all.map((each) => each.opened()))).flat().slice(1);
  await signInAs(await eventually(async () => (await addresses())[0]), sandbox.people[0] ?? '');
  for (const { json } of await fetching) expect(json).toMatchObject({ status: 200, auth: 'oauth' });
  expect(await addresses()).toHaveLength(1);
  expect(seen(/^token:authorization_code$/)).toHaveLength(1);
  expect(seen(/^registration$/)).toEqual([]);
});

it('is told to a call that may not sign in, after which authenticate does', async () => {
  await signIn();
  sandbox.revokeTokens();
  const { json } = await fetchIt(server, { sign_in: false });
  expect(json.error?.code).toBe('sign_in_required');
  const signingIn = server.call('authenticate', { url: url() });
  await tab(1);
  expect((await signingIn).json).toMatchObject({ status: 'authenticated' });
  expect((await fetchIt()).json.status).toBe(200);
});

it('ends in token_rejected where the fresh token is refused too, without a tab for each call', async () => {
  await signIn();
  const metadata = new URL('/.well-known/cloudflare-access-protected-resource/', url()).href;
  fault = ({ host, headers }) =>
    host === 'managed-oauth' && headers.authorization !== undefined
      ? { status: 401, headers: { 'www-authenticate': `Bearer resource_metadata="${metadata}"` } }
      : undefined;
  const fetching = fetchIt();
  await tab(1);
  expect((await fetching).json.error?.code).toBe('token_rejected');
  expect((await fetchIt()).json.error?.code).toBe('token_rejected');
  expect(await server.opened()).toHaveLength(2);
});

it('is the same on the command line', async () => {
  const program = await createProgram(environment());
  cleanUps.push(() => program.remove());
  const first = program.start(['fetch', url()]);
  await program.signIn(sandbox.people[0] ?? '');
  expect((await first.ended).code).toBe(0);
  sandbox.revokeTokens();
  const second = program.start(['fetch', url()]);
  await program.signIn(sandbox.people[0] ?? '');
  expect((await second.ended).code).toBe(0);
  expect(await program.opened()).toHaveLength(2);
});

it('takes no person where the team still knows them: an application’s JWT is exchanged for', async () => {
  const other = new URL('/echo', sandbox.applications['browser-login'].url).href;
  const fetching = server.call('access_fetch', { url: other });
  await tab(0);
  expect((await fetching).json.status).toBe(200);
  sandbox.revokeTokens();
  const { json } = await server.call('access_fetch', { url: other });
  expect(json).toMatchObject({ status: 200, auth: 'cf_access_token' });
  expect(await server.opened()).toHaveLength(1);
});
