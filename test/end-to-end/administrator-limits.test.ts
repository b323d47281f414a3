/** What an administrator allows the agent (CF_ACCESS_READ_ONLY, CF_ACCESS_ALLOWED_HOSTS): what the other side saw. */
import { readdir } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Sandbox, startSandbox } from '../../src/sandbox/sandbox.ts';
import { signInAs } from '../../src/sandbox/team/person.ts';
import { origin } from '../http/origin.ts';
import { eventually, startServer, type TestServer } from '../support/mcp-server.ts';

let sandbox: Sandbox;
let servers: TestServer[];

beforeEach(async () => {
  sandbox = await startSandbox();
  servers = [];
});
afterEach(async () => {
  for (const server of servers) await server.close();
  await sandbox.close();
});

async function start(environment: Record<string, string>): Promise<TestServer> {
  const server = await startServer({ environment });
  servers.push(server);
  return server;
}

/** An origin that writes down what it was asked. */
async function stranger(answer: { status?: number; location?: string } = {}) {
  const seen: string[] = [];
  const url = await origin((request: IncomingMessage, response) => {
    seen.push(`${request.method} ${request.url}`);
    const { status = 200, location } = answer;
    response.writeHead(status, location ? { location } : {}).end('a page');
  });
  return { url, seen };
}

const wiki = () => sandbox.applications['managed-oauth'].url;

async function signIn(server: TestServer): Promise<void> {
  const signingIn = server.call('authenticate', { url: wiki().href });
  await signInAs(await eventually(async () => (await server.opened())[0]), sandbox.people[0] ?? '');
  expect((await signingIn).json).toMatchObject({ status: 'authenticated' });
}

describe('CF_ACCESS_READ_ONLY', () => {
  const readOnly = { CF_ACCESS_READ_ONLY: '1' };

  it('lets GET, HEAD and OPTIONS through, and nothing else reaches the network', async () => {
    const server = await start(readOnly);
    const { url, seen } = await stranger();
    for (const method of ['GET', 'head', 'OPTIONS']) {
      const { json } = await server.call('access_fetch', { url: url.href, method });
      expect(json).toMatchObject({ status: 200 });
    }
    for (const method of ['POST', 'put', 'PATCH', 'DELETE', 'PROPFIND', 'QUERY']) {
      const { json } = await server.call('access_fetch', { url: url.href, method });
      expect(json.error).toMatchObject({
        code: 'access_denied',
        message: expect.stringContaining('CF_ACCESS_READ_ONLY'),
      });
    }
    expect(seen).toEqual(['GET /', 'HEAD /', 'OPTIONS /']);
  });

  it('signs people in as ever, but gives no token away and writes no file', async () => {
    const server = await start(readOnly);
    await signIn(server);
    expect((await server.call('access_fetch', { url: wiki().href })).body).toContain('wiki');
    sandbox.clearRequests();
    for (const as of ['value', 'file']) {
      const { json } = await server.call('get_token', { url: wiki().href, as });
      expect(json.error).toMatchObject({ code: 'access_denied' });
    }
    const place = (await readdir(process.cwd())).sort();
    const saved = await server.call('access_fetch', { url: wiki().href, save_to: 'planted' });
    expect(saved.json.error).toMatchObject({ code: 'save_refused' });
    expect((await readdir(process.cwd())).sort()).toEqual(place);
    expect(sandbox.requests).toEqual([]);
  });

  it('is what the annotations say, with the early answer and without it', async () => {
    const annotations = async (server: TestServer) => {
      const { tools } = await server.client.listTools();
      return tools.find(({ name }) => name === 'access_fetch')?.annotations;
    };
    const free = await start({});
    expect(await annotations(free)).toMatchObject({ readOnlyHint: false, destructiveHint: true });
    const limited = await start(readOnly);
    const early = await annotations(limited);
    expect(early).toMatchObject({ readOnlyHint: true, destructiveHint: false });
    // A call loads the SDK, which answers from then on.
    await limited.call('detect_protection', { url: wiki().href });
    expect(await annotations(limited)).toEqual(early);
  });
});

describe('CF_ACCESS_ALLOWED_HOSTS', () => {
  it('has no other host asked by any tool, loopback included', async () => {
    const { url, seen } = await stranger();
    const server = await start({ CF_ACCESS_ALLOWED_HOSTS: 'app.example.com, *.corp.example.com' });
    for (const [name, more] of [
      ['detect_protection', {}],
      ['authenticate', {}],
      ['authenticate', { force: true }],
      ['access_fetch', {}],
      ['access_fetch', { method: 'POST', body: 'x' }],
      ['get_token', {}],
    ] as const) {
      const { json } = await server.call(name, { url: url.href, ...more });
      expect(json.error, name).toMatchObject({
        code: 'access_denied',
        message: expect.stringContaining(url.host),
      });
    }
    expect(seen).toEqual([]);
  });

  it('has redirects to other hosts refused, and those among the allowed ones followed', async () => {
    const outside = await stranger();
    const inside = await stranger();
    const leadsOut = await stranger({ status: 302, location: outside.url.href });
    const leadsIn = await stranger({ status: 302, location: inside.url.href });
    const allowed = [inside, leadsOut, leadsIn].map(({ url }) => url.host).join(' ');
    const server = await start({ CF_ACCESS_ALLOWED_HOSTS: allowed });
    const refused = await server.call('access_fetch', { url: leadsOut.url.href });
    expect(refused.json.error).toMatchObject({
      code: 'redirect_refused',
      message: expect.stringContaining(outside.url.host),
    });
    expect(outside.seen).toEqual([]);
    const followed = await server.call('access_fetch', { url: leadsIn.url.href });
    expect(followed.json).toMatchObject({ status: 200, url: inside.url.href });
  });

  it('excepts the servers that sign people in', async () => {
    const server = await start({ CF_ACCESS_ALLOWED_HOSTS: wiki().host });
    await signIn(server);
    expect((await server.call('access_fetch', { url: wiki().href })).json).toMatchObject({
      status: 200,
    });
    const team = await server.call('access_fetch', { url: sandbox.team.origin });
    expect(team.json.error?.code).toBe('access_denied');
  });
});
