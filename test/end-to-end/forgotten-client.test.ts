/** `invalid_client` at the token endpoint, which may pass (cloudflare-access.md §3.1): one more try, after a second. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type Sandbox, startSandbox } from '../../src/sandbox/sandbox.ts';
import type { Fault } from '../../src/sandbox/server/fault.ts';
import { signInAs } from '../../src/sandbox/team/person.ts';
import { createProgram } from '../cli/program.ts';
import { eventually, startServer, type TestServer } from '../support/mcp-server.ts';

let sandbox: Sandbox;
let server: TestServer;
/** How many requests more are answered so, and which. */
let forgotten = 0;
let asked: 'token:refresh_token' | 'token:authorization_code';
const cleanUps: (() => Promise<unknown>)[] = [];
const unknownClient: Fault = {
  status: 401,
  headers: { 'content-type': 'application/json' },
  body: '{"error":"invalid_client"}',
};

beforeEach(async () => {
  forgotten = 0;
  asked = 'token:refresh_token';
  sandbox = await startSandbox({
    fault: ({ what }) => (what === asked && forgotten-- > 0 ? unknownClient : undefined),
  });
  cleanUps.push(() => sandbox.close());
  server = await startServer();
  cleanUps.push(() => server.close());
  const fetching = server.call('access_fetch', { url: url() });
  await personSignsIn(0);
  expect((await fetching).json.status).toBe(200);
  sandbox.clearRequests();
});
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

const url = () => new URL('/echo', sandbox.applications['managed-oauth'].url).href;
const personSignsIn = async (at: number) =>
  signInAs(await eventually(async () => (await server.opened())[at]), sandbox.people[0] ?? '');
const seen = () =>
  sandbox.requests
    .filter(({ headers }) => headers['user-agent'] === 'cloudflare-access-mcp')
    .map(({ what, answered }) => `${what} ${answered}`);

it('that passes costs one request and a second, and nobody notices', async () => {
  sandbox.expireAccessTokens();
  forgotten = 1;
  const { json } = await server.call('access_fetch', { url: url() });
  expect(json).toMatchObject({ status: 200, auth: 'oauth' });
  expect(seen()).toEqual([
    'challenge 401',
    'token:refresh_token 401',
    'token:refresh_token 200',
    'origin 200',
  ]);
  const [first, second] = sandbox.requests.filter(({ what }) => what.startsWith('token:'));
  expect((second?.at ?? 0) - (first?.at ?? 0)).toBeGreaterThanOrEqual(950);
  expect(await server.opened()).toHaveLength(1);
});

it('that passes is no matter for get_token, authenticate and the command line either', async () => {
  forgotten = 1;
  const token = await server.call('get_token', { url: url(), min_ttl_seconds: 1000 });
  expect(token.json).toMatchObject({ header: 'Authorization' });
  const program = await createProgram({ CF_ACCESS_DATA_DIR: server.dataDir });
  cleanUps.push(() => program.remove());
  sandbox.expireAccessTokens();
  forgotten = 1;
  expect((await program.run(['fetch', url()])).code).toBe(0);
  const { json } = await server.call('authenticate', { url: url() });
  expect(json).toMatchObject({ status: 'authenticated' });
  expect(seen().filter((one) => one.startsWith('token:'))).toEqual([
    'token:refresh_token 401',
    'token:refresh_token 200',
    'token:refresh_token 401',
    'token:refresh_token 200',
  ]);
  expect(seen()).not.toContain('registration 201');
  expect(await server.opened()).toHaveLength(1);
});

it('that stays is one registration more and one sign-in, as before', async () => {
  sandbox.expireAccessTokens();
  forgotten = Number.POSITIVE_INFINITY;
  const fetching = server.call('access_fetch', { url: url() });
  await personSignsIn(1);
  expect((await fetching).json).toMatchObject({ status: 200, auth: 'oauth' });
  expect(seen()).toEqual([
    'challenge 401',
    'token:refresh_token 401',
    'token:refresh_token 401',
    'resource_metadata 200',
    'registration 201',
    'token:authorization_code 200',
    'origin 200',
  ]);
  expect(await server.opened()).toHaveLength(2);
});

it('that passes when a code is redeemed costs no registration and no second tab', async () => {
  sandbox.endGrants();
  asked = 'token:authorization_code';
  forgotten = 1;
  const fetching = server.call('access_fetch', { url: url() });
  await personSignsIn(1);
  expect((await fetching).json).toMatchObject({ status: 200, auth: 'oauth' });
  expect(seen()).toEqual([
    'challenge 401',
    'token:refresh_token 400',
    'resource_metadata 200',
    'token:authorization_code 401',
    'token:authorization_code 200',
    'origin 200',
  ]);
  const [first, second] = sandbox.requests.filter(({ what }) => what === asked);
  expect((second?.at ?? 0) - (first?.at ?? 0)).toBeGreaterThanOrEqual(950);
  expect(await server.opened()).toHaveLength(2);
});
