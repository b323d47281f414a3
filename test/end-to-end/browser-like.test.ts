/**
 * Access shows its login page to whatever looks like a browser, also where programs are offered OAuth
 * (cloudflare-access.md §1): an agent's own header fields do not decide how the person signs in.
 */
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { ApplicationName } from '../../src/sandbox/catalogue.ts';
import { type Sandbox, startSandbox } from '../../src/sandbox/sandbox.ts';
import { signInAs } from '../../src/sandbox/team/person.ts';
import { credentialsIn } from '../support/evil-host.ts';
import { eventually, startServer, type TestServer } from '../support/mcp-server.ts';

let sandbox: Sandbox;
let server: TestServer;
const cleanUps: (() => Promise<unknown>)[] = [];
beforeEach(async () => {
  sandbox = await startSandbox();
  cleanUps.push(() => sandbox.close());
  server = await startServer({ environment: { CF_ACCESS_TRANSFER_URL: sandbox.transfer.origin } });
  cleanUps.push(() => server.close());
});
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

const browsers = {
  'User-Agent': 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0',
  Accept: 'text/html,application/xhtml+xml,*/*;q=0.8',
};
const fetchAs = (name: ApplicationName, headers: Record<string, string>, method = 'GET') => {
  const url = new URL('/echo', sandbox.applications[name].url).href;
  return server.call('access_fetch', { url, headers, method });
};
const personSignsIn = async (at = 0) =>
  signInAs(await eventually(async () => (await server.opened())[at]), sandbox.people[0] ?? '');
/** At the application, but for the person's browser: the method, what it turned out to be, and the credential. */
const seen = (name: ApplicationName) =>
  sandbox.requests
    .filter(({ headers }) =>
      ['cloudflare-access-mcp', browsers['User-Agent']].includes(String(headers['user-agent'])),
    )
    .filter(({ host, what }) => host === name && /^(?:challenge|refused|origin)$/.test(what))
    .map((request) => [request.method, request.what, ...credentialsIn(request)].join(' '));

it.each([
  ['its name and what it accepts', browsers],
  ['Sec-Fetch-Mode', { 'Sec-Fetch-Mode': 'navigate' }],
])(
  'a person signs in by OAuth where the request looks like a browser’s by %s',
  async (_, headers) => {
    const fetching = fetchAs('managed-oauth', headers, 'POST');
    await personSignsIn();
    expect((await fetching).json).toMatchObject({ status: 200, auth: 'oauth' });
    expect(seen('managed-oauth')).toEqual([
      'POST challenge',
      'GET challenge',
      'POST origin authorization',
    ]);
    expect((await fetchAs('managed-oauth', headers)).json).toMatchObject({ auth: 'oauth' });
    expect(seen('managed-oauth')).toHaveLength(4);
  },
);

it('a session by OAuth that is over is begun anew as one', async () => {
  const first = fetchAs('managed-oauth', {});
  await personSignsIn();
  expect((await first).json).toMatchObject({ auth: 'oauth' });
  sandbox.endGrants();
  const second = fetchAs('managed-oauth', browsers);
  await personSignsIn(1);
  expect((await second).json).toMatchObject({ status: 200, auth: 'oauth' });
});

it('where there is no OAuth, the login page is asked about once and believed', async () => {
  const fetching = fetchAs('browser-login', browsers);
  await personSignsIn();
  expect((await fetching).json).toMatchObject({ status: 200, auth: 'cf_access_token' });
  expect(seen('browser-login').filter((one) => one === 'GET challenge')).toHaveLength(2);
});

it('a request that looks like a program’s is not asked about', async () => {
  const fetching = fetchAs('browser-login', { Accept: 'application/json' });
  await personSignsIn();
  expect((await fetching).json).toMatchObject({ status: 200, auth: 'cf_access_token' });
  expect(seen('browser-login').filter((one) => one === 'GET challenge')).toHaveLength(1);
});
