/**
 * Authorization servers that nobody here wrote, besides oidc-provider: the one that Cloudflare gives to
 * remote MCP servers (`@cloudflare/workers-oauth-provider`), and the example of the MCP SDK, which many
 * servers copy. Each from the challenge to the page, through the built server.
 */
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { freePort } from '../support/callback-port.ts';
import { eventually, startServer, type TestServer } from '../support/mcp-server.ts';
import { signInAtProvider } from '../support/oidc-person.ts';
import { type ServerProcess, startServerProcess } from '../support/server-process.ts';

const ending: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end();
});

async function startAccess(): Promise<TestServer> {
  const server = await startServer();
  ending.push(() => server.close());
  return server;
}

async function start(...args: Parameters<typeof startServerProcess>): Promise<ServerProcess> {
  const started = await startServerProcess(...args);
  ending.push(() => started.close());
  return started;
}

/** Fetches, and lets the person finish the `nth` address that the browser was asked to open. */
async function fetchSigningIn(
  server: TestServer,
  args: { url: string } & Record<string, unknown>,
  { nth = 1, login = 'alice' as string | null } = {},
) {
  const fetching = server.call('access_fetch', args);
  const opened = await eventually(async () => (await server.opened())[nth - 1]);
  await signInAtProvider(opened, login);
  return { answer: await fetching, authorization: new URL(opened).searchParams };
}

describe('workers-oauth-provider', () => {
  interface Asked {
    readonly path: string;
    readonly status: number;
    readonly grant?: string;
    readonly resource?: string;
    readonly refreshToken?: string;
    readonly ended?: true;
  }

  async function setUp() {
    const program = new URL('../support/workers-authorization-server.js', import.meta.url).pathname;
    const running = await start(program, /^\{"issuer"/);
    const { resource } = JSON.parse(running.lines()[0] ?? '') as Record<string, string>;
    const server = await startAccess();
    const asked = (): Asked[] =>
      running
        .lines()
        .slice(1)
        .map((line) => JSON.parse(line));
    /** Ends all access tokens at the server. */
    const expire = async () => {
      const ended = () => asked().filter((one) => one.ended).length;
      const before = ended();
      running.say('expire');
      await eventually(() => ended() > before || undefined);
    };
    return { server, url: resource ?? '', asked, expire };
  }

  it('goes by registration, PKCE, resource indicator and iss from the challenge to the page', async () => {
    const { server, url, asked } = await setUp();
    const { answer, authorization } = await fetchSigningIn(server, { url });
    expect(answer.json).toMatchObject({ status: 200, auth: 'oauth' });
    expect(answer.body).toBe('alice may: mcp:read');
    expect(authorization.get('resource')).toBe(url);
    expect(authorization.get('scope')).toBe('mcp:read');
    expect(asked().map(({ path, status }) => [path, status])).toEqual([
      ['/mcp', 401],
      ['/.well-known/oauth-protected-resource/mcp', 200],
      ['/.well-known/oauth-authorization-server', 200],
      ['/oauth/register', 201],
      ['/oauth/token', 200],
      ['/mcp', 200],
    ]);
    expect(asked()[4]).toMatchObject({ grant: 'authorization_code', resource: url });
    // One request, one token; the sign-in is not asked for again.
    const again = await server.call('access_fetch', { url: `${url}/deeper` });
    expect(again.json).toMatchObject({ status: 200, auth: 'oauth' });
    expect(await server.opened()).toHaveLength(1);
  });

  it('asks for more scope when a page wants it (RFC 6750 §3.1)', async () => {
    const { server, url } = await setUp();
    await fetchSigningIn(server, { url });
    const { answer, authorization } = await fetchSigningIn(
      server,
      { url: `${url}/write` },
      { nth: 2 },
    );
    expect(answer.body).toBe('alice may: mcp:read mcp:write');
    expect(authorization.get('scope')?.split(' ').sort()).toEqual(['mcp:read', 'mcp:write']);
  });

  it('refreshes with rotation, without the person', async () => {
    const { server, url, asked, expire } = await setUp();
    await fetchSigningIn(server, { url });
    for (let time = 0; time < 3; time += 1) {
      await expire();
      const { json, body } = await server.call('access_fetch', { url, sign_in: false });
      expect(json).toMatchObject({ status: 200, auth: 'oauth' });
      expect(body).toBe('alice may: mcp:read');
    }
    const refreshes = asked().filter(({ grant }) => grant === 'refresh_token');
    expect(refreshes.map(({ status, resource }) => [status, resource])).toEqual(
      Array.from({ length: 3 }, () => [200, url]),
    );
    // It rotates, and each is sent once.
    expect(new Set(refreshes.map(({ refreshToken }) => refreshToken)).size).toBe(3);
    expect(await server.opened()).toHaveLength(1);
  });

  it('is told as declined when the person says no', async () => {
    const { server, url, asked } = await setUp();
    const { answer } = await fetchSigningIn(server, { url }, { login: null });
    expect(answer.json.error).toMatchObject({ code: 'sign_in_declined' });
    expect(asked().filter(({ path }) => path === '/oauth/token')).toEqual([]);
  });
});

describe('the example server of the MCP SDK', () => {
  it('gives a session to who signs in at its authorization server, and to nobody else', async () => {
    const sdk = dirname(createRequire(import.meta.url).resolve('@modelcontextprotocol/sdk/client'));
    const [port, authPort] = [await freePort(), await freePort()];
    const program = join(sdk, '../../esm/examples/server/simpleStreamableHttp.js');
    const example = await start(program, /MCP Streamable HTTP Server listening/, {
      // Strict: only tokens that were asked for this resource are let in.
      args: ['--oauth', '--oauth-strict'],
      environment: { MCP_PORT: String(port), MCP_AUTH_PORT: String(authPort) },
    });
    await eventually(
      () =>
        example.lines().some((line) => line.includes('Authorization Server listening')) ||
        undefined,
    );
    const server = await startAccess();
    const url = `http://localhost:${port}/mcp`;
    const post = (message: object, headers: Record<string, string> = {}) => ({
      url,
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        ...headers,
      },
      body: JSON.stringify({ jsonrpc: '2.0', ...message }),
    });
    const initialize = post({
      id: 1,
      method: 'initialize',
      params: {
        protocolVersion: '2025-11-25',
        capabilities: {},
        clientInfo: { name: 'test', version: '1' },
      },
    });
    const { answer, authorization } = await fetchSigningIn(server, initialize);
    expect(answer.json).toMatchObject({ status: 200, auth: 'oauth' });
    expect(answer.body).toContain('simple-streamable-http-server');
    expect(authorization.get('resource')).toBe(url);
    expect(authorization.get('scope')).toBe('mcp:tools');
    // Its own account of who that was.
    const seen = example.lines().join('\n');
    expect(seen).toContain('Authenticated user');
    expect(seen).toContain(`clientId: '${authorization.get('client_id')}'`);

    const session = String((answer.json.headers as Record<string, string>)['mcp-session-id']);
    const tools = post({ id: 2, method: 'tools/list' }, { 'mcp-session-id': session });
    const listed = await server.call('access_fetch', tools);
    expect(listed.json).toMatchObject({ status: 200, auth: 'oauth' });
    expect(listed.body).toContain('"greet"');
    expect(await server.opened()).toHaveLength(1);

    const stranger = await fetch(url, {
      method: 'POST',
      headers: tools.headers,
      body: tools.body,
    });
    expect(stranger.status).toBe(401);
  });
});
