/**
 * A firewall in front of Access that lets programs through by their User-Agent (error 1010): discovery
 * goes out under the agent's own, on the same origin alone and only after ours was refused.
 */
import { afterEach, describe, expect, it } from 'vitest';
import type { ApplicationName } from '../../src/sandbox/catalogue.ts';
import type { SandboxOptions } from '../../src/sandbox/options.ts';
import { type Sandbox, startSandbox } from '../../src/sandbox/sandbox.ts';
import { signInAs } from '../../src/sandbox/team/person.ts';
import { createProgram } from '../cli/program.ts';
import { startEvilHost } from '../support/evil-host.ts';
import { eventually, startServer, type TestServer } from '../support/mcp-server.ts';

let sandbox: Sandbox;
let server: TestServer;
const cleanUps: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

const agent = 'agent/7 (of the house)';
const ours = 'cloudflare-access-mcp';

async function start(options: SandboxOptions = { onlyUserAgent: 'agent/7' }): Promise<void> {
  sandbox = await startSandbox(options);
  cleanUps.push(() => sandbox.close());
  server = await startServer({ environment: { CF_ACCESS_TRANSFER_URL: sandbox.transfer.origin } });
  cleanUps.push(() => server.close());
}
const url = (name: ApplicationName) => new URL('/echo', sandbox.applications[name].url).href;
const fetchIt = (
  name: ApplicationName,
  headers: Record<string, string> = { 'User-Agent': agent },
) => server.call('access_fetch', { url: url(name), headers });
/** Everything but the person's browser and the polls: what it was, its answer, and under which name. */
const seen = () =>
  sandbox.requests
    .filter(
      ({ headers, host }) =>
        [agent, ours].includes(String(headers['user-agent'])) && host !== 'transfer',
    )
    .map(
      ({ what, answered, headers }) =>
        `${what} ${answered} ${headers['user-agent'] === ours ? 'ours' : 'the agent’s'}`,
    );
const personSignsIn = async () =>
  signInAs(await eventually(async () => (await server.opened())[0]), sandbox.people[0] ?? '');

describe('where the agent’s User-Agent gets through', () => {
  it('Managed OAuth is discovered under it, and the team is asked under ours', async () => {
    await start();
    const fetching = fetchIt('managed-oauth');
    await personSignsIn();
    expect((await fetching).json).toMatchObject({ status: 200, auth: 'oauth' });
    expect(seen()).toEqual([
      'challenge 401 the agent’s',
      'firewall 403 ours',
      'resource_metadata 200 the agent’s',
      'server_metadata 200 ours',
      'registration 201 ours',
      'token:authorization_code 200 ours',
      'origin 200 the agent’s',
    ]);
  });

  it('a browser login is proven under it', async () => {
    await start();
    const fetching = fetchIt('browser-login');
    await personSignsIn();
    expect((await fetching).json).toMatchObject({ status: 200, auth: 'cf_access_token' });
    expect(seen()).toEqual([
      'challenge 302 the agent’s',
      'firewall 403 ours',
      'signed_answer 302 the agent’s',
      'certs 200 ours',
      'origin 200 the agent’s',
    ]);
  });

  it('later questions to that origin profit, and another origin is not told of it', async () => {
    await start();
    expect((await fetchIt('managed-oauth', {})).json).toMatchObject({ status: 403, auth: 'none' });
    const first = await server.call('access_fetch', {
      url: url('managed-oauth'),
      headers: { 'User-Agent': agent },
      sign_in: false,
    });
    expect(first.json.error?.code).toBe('sign_in_required');
    const detected = await server.call('detect_protection', { url: url('managed-oauth') });
    expect(detected.json).toMatchObject({
      protection: 'managed_oauth',
      sign_in: ['authorization_code'],
      team_verified: true,
    });
    sandbox.clearRequests();
    await server.call('detect_protection', { url: url('browser-login') });
    expect(seen()).toEqual(['firewall 403 ours']);
  });

  it('the command line’s -A does the same', async () => {
    await start();
    const program = await createProgram({ CF_ACCESS_TRANSFER_URL: sandbox.transfer.origin });
    cleanUps.push(() => program.remove());
    const running = program.start(['fetch', '-A', agent, url('managed-oauth')]);
    await program.signIn(sandbox.people[0] ?? '');
    expect((await running.ended).code).toBe(0);
    expect(seen().filter((one) => one.startsWith('firewall'))).toEqual(['firewall 403 ours']);
  });
});

describe('where nothing gets through', () => {
  it('the firewall is named, and not Access or the metadata', async () => {
    await start();
    const signingIn = await server.call('authenticate', { url: url('managed-oauth') });
    expect(signingIn.json.error?.code).toBe('access_denied');
    expect(signingIn.json.error?.message).toContain('firewall');
    expect(signingIn.json.error?.message).toContain('1010');
    expect(signingIn.json.error?.next_step).toContain('User-Agent');
    const detected = await server.call('detect_protection', { url: url('managed-oauth') });
    expect(detected.json.next_step).toContain('firewall');
    expect(await server.opened()).toEqual([]);
  });

  it('a refusal of the metadata alone is the firewall’s as well', async () => {
    await start({});
    const host = await startEvilHost(({ url: path, host: name }) =>
      path === '/'
        ? {
            status: 401,
            headers: {
              'www-authenticate': `Bearer resource_metadata="http://${name}/.well-known/cloudflare-access-protected-resource/"`,
            },
          }
        : { status: 403, headers: { 'content-type': 'text/plain' }, body: 'error code: 1020' },
    );
    cleanUps.push(() => host.close());
    const { json } = await server.call('access_fetch', { url: host.url.href });
    expect(json.error?.code).toBe('access_denied');
    expect(json.error?.message).toContain('firewall');
    expect(json.error?.message).toContain('1020');
    expect(host.reached).toHaveLength(2);
  });
});

it('without a firewall nothing is asked twice, whatever the agent calls itself', async () => {
  await start({});
  const fetching = fetchIt('managed-oauth');
  await personSignsIn();
  expect((await fetching).json.status).toBe(200);
  expect(seen()).toEqual([
    'challenge 401 the agent’s',
    'resource_metadata 200 ours',
    'server_metadata 200 ours',
    'registration 201 ours',
    'token:authorization_code 200 ours',
    'origin 200 the agent’s',
  ]);
});
