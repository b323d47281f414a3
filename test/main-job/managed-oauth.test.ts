/** The main job on real parts: the built server over stdio, the sandbox, a person, a page. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Sandbox, startSandbox } from '../../src/sandbox/sandbox.ts';
import { signInAs } from '../../src/sandbox/team/person.ts';
import { eventually, startServer, type TestServer } from '../support/mcp-server.ts';

let sandbox: Sandbox;
let server: TestServer;

beforeEach(async () => {
  sandbox = await startSandbox();
  server = await startServer();
});
afterEach(async () => {
  await server.close();
  await sandbox.close();
});

const page = (path = '/') => new URL(path, sandbox.applications['managed-oauth'].url).href;
/** What reached the sandbox on its application's edge or the team, but for the person's browser. */
const fromUs = () =>
  sandbox.requests.filter(({ headers }) => headers['user-agent'] === 'cloudflare-access-mcp');
const labels = () => fromUs().map(({ what }) => what);

/** Lets the person finish what the browser was asked to open. */
async function personSignsIn(times = 1): Promise<void> {
  const opened = await eventually(async () => {
    const urls = await server.opened();
    return urls.length >= times ? urls : undefined;
  });
  await signInAs(opened.at(-1) ?? '', sandbox.people[0] ?? '');
}

describe('a first sign-in', () => {
  it('takes six requests from the challenge to the page', async () => {
    const fetching = server.call('access_fetch', { url: page() });
    await personSignsIn();
    const answer = await fetching;
    expect(answer.json).toMatchObject({ status: 200, auth: 'oauth' });
    expect(answer.body).toContain('Internal wiki');
    expect(labels()).toEqual([
      'challenge',
      'resource_metadata',
      'server_metadata',
      'registration',
      'token:authorization_code',
      'origin',
    ]);
    expect(await server.opened()).toHaveLength(1);
  });
});

describe('a session', () => {
  beforeEach(async () => {
    const signingIn = server.call('authenticate', { url: page() });
    await personSignsIn();
    expect((await signingIn).json).toMatchObject({
      status: 'authenticated',
      method: 'authorization_code',
    });
    sandbox.clearRequests();
  });

  it('makes a warm fetch exactly one request', async () => {
    const answer = await server.call('access_fetch', { url: page('/echo') });
    expect(answer.json).toMatchObject({ status: 200, auth: 'oauth' });
    expect(labels()).toEqual(['origin']);
  });

  it('is refreshed once by ten fetches at once when the server refuses its token', async () => {
    sandbox.expireAccessTokens();
    const answers = await Promise.all(
      Array.from({ length: 10 }, () => server.call('access_fetch', { url: page('/echo') })),
    );
    expect(answers.map(({ json }) => json.status)).toEqual(Array(10).fill(200));
    expect(labels().filter((what) => what.startsWith('token:'))).toEqual(['token:refresh_token']);
    expect(await server.opened()).toHaveLength(1);
  });

  it('survives a restart of the server', async () => {
    const other = await startServer({ dataDir: server.dataDir });
    const answer = await other.call('access_fetch', { url: page('/echo') });
    expect(answer.json).toMatchObject({ status: 200, auth: 'oauth' });
    expect(labels()).toEqual(['origin']);
    await other.close();
  });
});
