/**
 * Access's own pages hand a person's tokens to whoever names a key: an agent that was talked into
 * asking for one sends no credential there, however the address is written or reached.
 */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type Sandbox, startSandbox } from '../../src/sandbox/sandbox.ts';
import { signInAs } from '../../src/sandbox/team/person.ts';
import { eventually, startServer, type TestServer } from '../support/mcp-server.ts';

let sandbox: Sandbox;
let server: TestServer;

beforeEach(async () => {
  sandbox = await startSandbox();
  server = await startServer({ environment: { CF_ACCESS_TRANSFER_URL: sandbox.transfer.origin } });
  const url = sandbox.applications['browser-login'].url.href;
  const authenticating = server.call('authenticate', { url });
  await signInAs(await eventually(async () => (await server.opened())[0]), sandbox.people[0] ?? '');
  expect((await authenticating).json).toMatchObject({ status: 'authenticated' });
  sandbox.clearRequests();
});
afterEach(async () => {
  await server.close();
  await sandbox.close();
});

const key = `${'A'.repeat(43)}=`;
const handsOut = `/cdn-cgi/access/cli?send_org_token=true&edge_token_transfer=true&token=${key}`;

it.each([
  handsOut,
  handsOut.replace('cdn-cgi', '%63dn-cgi'),
  `/x/..%2f${handsOut.slice(1)}`,
  `/x/.y/../..${handsOut}`,
  '/cdn-cgi/access/logout',
  `/redirect?to=${encodeURIComponent(handsOut)}`,
])('no credential goes to %s', async (path) => {
  const { origin } = sandbox.applications['browser-login'].url;
  const { json } = await server.call('access_fetch', { url: origin + path });
  expect(json.error?.code).toBe('invalid_input');
  expect(json.error?.message).toContain('Access’s own pages');
  const pages = sandbox.requests.filter(({ url }) => /access\b/i.test(url.split('?')[0] ?? ''));
  expect(pages.filter(({ headers }) => headers['cf-access-token'] !== undefined)).toEqual([]);
});

it('who is signed in may be asked', async () => {
  const { origin } = sandbox.applications['browser-login'].url;
  const { json } = await server.call('access_fetch', {
    url: `${origin}/cdn-cgi/access/get-identity`,
  });
  expect(json.error).toBeUndefined();
  expect(sandbox.requests.at(-1)?.headers['cf-access-token']).toBeDefined();
});
