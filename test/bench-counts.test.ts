/**
 * The requests on the wire that the bench counts (bench/expected-counts.json), exactly, as the sandbox
 * saw them. Times are the bench's; a count that grows is a defect.
 */
import { afterEach, beforeEach, expect, it } from 'vitest';
import expected from '../bench/expected-counts.json' with { type: 'json' };
import { type Sandbox, startSandbox } from '../src/sandbox/sandbox.ts';
import { signInAs } from '../src/sandbox/team/person.ts';
import { eventually, startServer, type TestServer } from './support/mcp-server.ts';

let sandbox: Sandbox;
let server: TestServer;

beforeEach(async () => {
  sandbox = await startSandbox();
  server = await start();
});
afterEach(async () => {
  await server.close();
  await sandbox.close();
});

const start = (dataDir?: string) =>
  startServer({
    environment: {
      CF_ACCESS_CLIENT_ID: sandbox.serviceToken.clientId,
      CF_ACCESS_CLIENT_SECRET: sandbox.serviceToken.clientSecret,
    },
    ...(dataDir === undefined ? {} : { dataDir }),
  });
const page = (name: keyof Sandbox['applications'] = 'managed-oauth') =>
  new URL('/echo', sandbox.applications[name].url).href;

/** The labels of the program's own requests while `work` ran. */
async function requestsOf(work: () => Promise<unknown>): Promise<string[]> {
  sandbox.clearRequests();
  await work();
  return sandbox.requests
    .filter(({ headers }) => headers['user-agent'] === 'cloudflare-access-mcp')
    .map(({ what }) => what);
}

async function fetches(url = page(), by = server): Promise<void> {
  const { json } = await by.call('access_fetch', { url });
  expect(json.status).toBe(200);
}

async function signsIn(): Promise<void> {
  const fetching = fetches();
  const [address = ''] = await eventually(async () => {
    const urls = await server.opened();
    return urls.length > 0 ? urls : undefined;
  });
  await signInAs(address, sandbox.people[0] ?? '');
  await fetching;
}

it('counts the requests of a first, a warm, a refused and a restarted fetch', async () => {
  expect(await requestsOf(signsIn)).toEqual(expected.first);
  expect(await requestsOf(fetches)).toEqual(expected.warm);
  sandbox.expireAccessTokens();
  expect(await requestsOf(fetches)).toEqual(expected.refused);
  const other = await start(server.dataDir);
  expect(await requestsOf(() => fetches(page(), other))).toEqual(expected['after a restart']);
  await other.close();
});

it('counts the requests of a fetch with an expired token', async () => {
  await sandbox.close();
  sandbox = await startSandbox({ accessTokenSeconds: 0.5 });
  await signsIn();
  const endsAt = Date.now() + 500;
  await eventually(() => (Date.now() > endsAt ? true : undefined));
  expect(await requestsOf(fetches)).toEqual(expected.expired);
});

it('counts the requests of a detection, the first and the next', async () => {
  const detect = () => server.call('detect_protection', { url: page() });
  expect(await requestsOf(detect)).toEqual(expected.detect);
  expect(await requestsOf(detect)).toEqual(expected['detect, again']);
});

it('counts the requests with a service token, and without a guard', async () => {
  const machines = () => fetches(page('service-auth'));
  expect(await requestsOf(machines)).toEqual(expected['service token, first']);
  expect(await requestsOf(machines)).toEqual(expected['service token, warm']);
  expect(await requestsOf(() => fetches(page('bypass')))).toEqual(expected.open);
});

it('counts the requests of a browser transfer, and of the next application of the team', async () => {
  const transfers = await startServer({
    environment: { CF_ACCESS_TRANSFER_URL: sandbox.transfer.origin },
  });
  const seen = await requestsOf(async () => {
    const fetching = fetches(page('browser-login'), transfers);
    const address = await eventually(async () => (await transfers.opened())[0]);
    await signInAs(address, sandbox.people[0] ?? '');
    await fetching;
  });
  expect(seen).toEqual(expected['transfer, first']);
  const next = () => fetches(page('browser-login-second'), transfers);
  expect(await requestsOf(next)).toEqual(expected['transfer, next application']);
  await transfers.close();
});
