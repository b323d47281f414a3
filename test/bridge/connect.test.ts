/** `connect`, the built program between MCP hosts and remote servers behind an edge (contract §6). */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { CreateMessageRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { createProgram, type Program } from '../cli/program.ts';
import { freePort } from '../support/callback-port.ts';
import {
  type Connection,
  call,
  connectClient,
  initialize,
  initialized,
  startConnect,
} from '../support/connected.ts';
import { nginx, startNginx } from '../support/debian-programs.ts';
import { type Behind, type GuardedEdge, startGuardedEdge } from '../support/guarded-edge.ts';
import { visit } from '../support/hostile-matrix.ts';
import { eventually } from '../support/mcp-server.ts';
import { createRemoteMcp, type RemoteMcp, type RemoteMcpOptions } from '../support/remote-mcp.ts';

let program: Program;
let edge: GuardedEdge;
let remote: RemoteMcp;

beforeEach(async () => {
  program = await createProgram();
});
afterEach(async () => {
  await edge?.close();
  await program.remove();
});

const address = () => `${edge.origin}/mcp`;

async function signInOnce(nth = 0): Promise<void> {
  await visit(await eventually(async () => (await program.opened())[nth]));
}

/** As a person does whose browser has been quicker than the next start. */
async function visitWhenOpen(url: string): Promise<void> {
  await eventually(() => visit(url).catch(() => undefined));
}

/** Signed in, with nothing noted yet. */
async function warm(behind: Behind): Promise<void> {
  edge = await startGuardedEdge(behind);
  const login = program.start(['login', edge.origin]);
  await signInOnce();
  expect((await login.ended).code).toBe(0);
  edge.requests.length = 0;
}

async function warmRemote(options?: RemoteMcpOptions): Promise<void> {
  remote = createRemoteMcp(options);
  await warm(remote);
}

function connect(
  args: readonly string[] = [],
  environment: Record<string, string> = {},
): Connection {
  const connection = startConnect(program, address(), args, { environment });
  onTestFinished(() => void connection.running.child.kill('SIGKILL'));
  return connection;
}

const methods = () => edge.requests.map(({ method }) => method);
const expectNoSecretIn = (text: string) => {
  for (const secret of edge.issued) expect(text).not.toContain(secret.replace('oauth:', ''));
};

describe('a session', () => {
  it('is one request a message at the edge, each with the credential, and none of it is local', async () => {
    await warmRemote();
    const connection = connect();
    expect(await connection.shakeHands()).toMatchObject({
      result: { protocolVersion: '2025-06-18', serverInfo: { name: 'remote' } },
    });
    const { result } = await connection.ask(call(1, 'echo', { text: 'hello' }));
    expect(result).toEqual({ content: [{ type: 'text', text: 'hello Bearer [redacted]' }] });
    await eventually(() => methods().length === 4 || undefined);
    expect(methods().sort()).toEqual(['GET', 'POST', 'POST', 'POST']);
    expect(edge.requests.every(({ admitted }) => admitted)).toBe(true);
    for (const { headers } of edge.requests.slice(1)) {
      expect(headers['mcp-session-id']).toBe([...remote.sessions.keys()][0]);
      expect(headers['mcp-protocol-version']).toBe('2025-06-18');
      expect(headers['accept-encoding']).toBe('identity');
    }
    const { stdout, stderr } = await connection.end();
    expectNoSecretIn(stdout + stderr);
  });

  it('ends with stdin: DELETE at the server, and the process within a second', async () => {
    await warmRemote();
    const connection = connect();
    await connection.shakeHands();
    await connection.ask(call(1, 'echo', { text: 'hello' }));
    connection.say(call(2, 'slow'));
    await eventually(() => remote.done.includes('slow begun') || undefined);
    expect(remote.sessions.size).toBe(1);
    const before = performance.now();
    const { code } = await connection.end();
    expect(performance.now() - before).toBeLessThan(1_000);
    expect(code).toBe(0);
    expect(methods().at(-1)).toBe('DELETE');
    expect(remote.sessions.size).toBe(0);
    await eventually(() => edge.connections.size === 0 || undefined);
  });

  it('ends with a host that leaves at once, whatever is still to be said to it', async () => {
    await warmRemote();
    const connection = connect();
    const { child, ended, stderr } = connection.running;
    child.stdout?.destroy();
    for (const message of [initialize(), initialized]) connection.say(message);
    for (let id = 1; id <= 20; id += 1) connection.say(call(id, 'echo', { text: 'hello' }));
    child.stdin?.end();
    expect((await ended).code, stderr()).toBe(0);
  });

  it('answers what was asked before the end of a stdin that is a file or a pipe', async () => {
    await warmRemote();
    const lines = [
      {
        jsonrpc: '2.0',
        id: 0,
        method: 'initialize',
        params: {
          protocolVersion: '2025-06-18',
          capabilities: {},
          clientInfo: { name: 'script', version: '1' },
        },
      },
      { jsonrpc: '2.0', method: 'notifications/initialized' },
      call(1, 'echo', { text: 'hello' }),
    ];
    const input = lines.map((line) => `${JSON.stringify(line)}\n`).join('');
    const { code, stdout } = await program.run(['connect', address()], { input });
    const answers = stdout
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line));
    expect(answers.map(({ id }) => id)).toEqual([0, 1]);
    expect(code).toBe(0);
    expect(methods().at(-1)).toBe('DELETE');
  });

  it.each(['SIGTERM', 'SIGINT'] as const)('ends with %s as well', async (signal) => {
    await warmRemote();
    const connection = connect();
    await connection.shakeHands();
    connection.running.child.kill(signal);
    expect((await connection.running.ended).code).toBe(0);
    expect(methods().at(-1)).toBe('DELETE');
  });

  it('ends when the host reads no more', async () => {
    await warmRemote();
    const connection = connect();
    await connection.shakeHands();
    connection.running.child.stdout?.destroy();
    connection.say(call(1, 'echo', { text: 'hello' }));
    await eventually(() => connection.running.child.exitCode ?? undefined);
    expect(methods()).toContain('DELETE');
  });

  it('with a stateless server has nothing to end', async () => {
    await warmRemote({ stateless: true });
    const connection = connect();
    await connection.shakeHands();
    expect(await connection.ask(call(1, 'echo', { text: 'a' }))).toHaveProperty('result');
    expect((await connection.end()).code).toBe(0);
    expect(methods()).not.toContain('DELETE');
  });

  it('takes single messages in the place of streams', async () => {
    await warmRemote({ json: true });
    const connection = connect();
    await connection.shakeHands();
    const { result } = await connection.ask(call('a', 'echo', { text: 'hello' }));
    expect(result).toEqual({ content: [{ type: 'text', text: 'hello Bearer [redacted]' }] });
  });

  it.each([404, 400] as const)(
    'that the server has forgotten (%s) is begun anew, and the message sent once more',
    async (forgets) => {
      await warmRemote({ forgets });
      const connection = connect();
      await connection.shakeHands();
      await connection.ask(call(1, 'echo', { text: 'before' }));
      remote.forget();
      const answers = await Promise.all(
        ['x', 'y', 'z'].map((text) => connection.ask(call(text, 'echo', { text }))),
      );
      for (const answer of answers) expect(answer).toHaveProperty('result');
      expect([...remote.done].sort()).toEqual(['echo before', 'echo x', 'echo y', 'echo z']);
      expect(remote.sessions.size).toBe(1);
      // The host hears of one handshake alone.
      expect(connection.heard().filter(({ id }) => id === 0)).toHaveLength(1);
      await remote.announce();
      await eventually(() =>
        connection.heard().find(({ method }) => method === 'notifications/message'),
      );
    },
  );

  it('leaves the streams of the sessions that another has replaced', async () => {
    remote = createRemoteMcp();
    const streams = new Set<unknown>();
    await warm({
      onRequest(request, response) {
        if (request.method === 'GET') {
          streams.add(response);
          response.once('close', () => streams.delete(response));
        }
        remote.onRequest(request, response);
      },
    });
    const connection = connect();
    await connection.shakeHands();
    for (const text of ['x', 'y', 'z']) {
      await eventually(() => streams.size > 0 || undefined);
      remote.forget();
      expect(await connection.ask(call(text, 'echo', { text }))).toHaveProperty('result');
    }
    // The handshake's, and one for each that was begun anew.
    await eventually(() => methods().filter((each) => each === 'GET').length === 4 || undefined);
    await eventually(() => streams.size === 1 || undefined);
    await remote.announce();
    await eventually(() =>
      connection.heard().find(({ method }) => method === 'notifications/message'),
    );
  });

  it('takes many messages at once, without a warning of Node’s on stderr', async () => {
    await warmRemote();
    const connection = connect();
    await connection.shakeHands();
    const many = Array.from({ length: 40 }, (_, nth) => nth + 1);
    for (const id of many) connection.say(call(id, 'slow'));
    await eventually(
      () => remote.done.filter((each) => each === 'slow begun').length === many.length || undefined,
    );
    expect(connection.running.stderr()).not.toContain('Warning');
  });

  it.each([
    ['initialize', 'cut off'],
    ['notifications/initialized', 'cut off'],
    ['notifications/initialized', 'answered 404'],
  ] as const)(
    'that cannot be begun anew, because %s is %s, is begun by the next message',
    async (cut, how) => {
      remote = createRemoteMcp();
      let ended: string | undefined;
      let isCut = false;
      await warm({
        onRequest(request, response) {
          const { 'mcp-session-id': session } = request.headers;
          const isIt =
            session === undefined
              ? cut === 'initialize'
              : cut !== 'initialize' && session !== ended;
          if (ended === undefined || isCut || request.method !== 'POST' || !isIt) {
            return remote.onRequest(request, response);
          }
          isCut = true;
          if (how === 'cut off') return void request.socket.destroy();
          remote.forget();
          remote.onRequest(request, response);
        },
      });
      const connection = connect();
      await connection.shakeHands();
      await eventually(() => methods().includes('GET') || undefined);
      [ended] = remote.sessions.keys();
      remote.forget();
      const { error } = await connection.ask(call(1, 'echo', { text: 'x' }));
      const code = how === 'cut off' ? 'network_error' : 'temporarily_unavailable';
      expect(error?.data).toMatchObject({ code });
      expect(isCut).toBe(true);
      expect(await connection.ask(call(2, 'echo', { text: 'y' }))).toHaveProperty('result');
      expect(remote.done).toEqual(['echo y']);
      // The one that was half begun has been ended at the server.
      await eventually(() => remote.sessions.size === 1 || undefined);
    },
  );
});

describe.skipIf(!nginx)('nginx in front of Access (skipped without nginx)', () => {
  /** Its own connection to the edge for each request, a Host of its own, and its own buffers. */
  const startBehindNginx = async (settings: string): Promise<void> => {
    const port = await freePort();
    remote = createRemoteMcp();
    edge = await startGuardedEdge(remote, { publicOrigin: `http://localhost:${port}` });
    const place = join(program.place, 'nginx');
    await mkdir(place);
    const server = `location / { proxy_pass http://127.0.0.1:${edge.port}; ${settings} }`;
    await startNginx(place, port, server);
  };

  it('is signed in through, and answers through it, though it buffers as it does by default', async () => {
    await startBehindNginx('');
    const connection = connect();
    const answered = connection.shakeHands();
    await signInOnce();
    expect(await answered).toHaveProperty('result');
    const text = 'all the same '.repeat(100_000);
    const { result } = await connection.ask(call(1, 'echo', { text }));
    expect(result).toEqual({ content: [{ type: 'text', text: `${text} Bearer [redacted]` }] });
    edge.expire();
    expect(await connection.ask(call(2, 'echo', { text: 'a' }))).toHaveProperty('result');
    expect((await connection.end()).code).toBe(0);
    expect(methods().at(-1)).toBe('DELETE');
    expect(remote.sessions.size).toBe(0);
    expect(await program.opened()).toHaveLength(1);
  });

  it('passes the server’s own messages, progress and cancellation, when it does not buffer', async () => {
    await startBehindNginx('proxy_http_version 1.1; proxy_buffering off;');
    const connection = connect();
    const answered = connection.shakeHands();
    await signInOnce();
    await answered;
    await eventually(() =>
      edge.requests.find(({ method, admitted }) => method === 'GET' && admitted),
    );
    await remote.announce();
    const heard = (wanted: string) =>
      eventually(() => connection.heard().find(({ method }) => method === wanted));
    await heard('notifications/message');
    connection.say(call(1, 'slow', {}, { _meta: { progressToken: 'one' } }));
    await heard('notifications/progress');
    const cancelled = { jsonrpc: '2.0', method: 'notifications/cancelled' };
    connection.say({ ...cancelled, params: { requestId: 1 } });
    await eventually(() => remote.done.includes('slow cancelled') || undefined);
    await connection.end();
    await eventually(() => edge.connections.size === 0 || undefined);
  });
});

describe('messages', () => {
  it('pass as they are, with members that no schema knows, numbers of any size and in one line', async () => {
    const seen: string[] = [];
    const answers: Record<string, string> = {
      initialize: '{"jsonrpc":"2.0","id":0,"result":{"protocolVersion":"2025-06-18"},"own":1}',
      odd: '{ "jsonrpc": "2.0",\r\n "id": 12345678901234567890,\n "result": {"n": 1.10}, "own": [1e400] }',
    };
    await warm({
      onRequest(request, response) {
        let text = '';
        request.on('data', (part) => {
          text += part;
        });
        request.on('end', () => {
          if (text) seen.push(text);
          const method = text ? JSON.parse(text).method : '';
          const answer = answers[method];
          if (answer === undefined)
            return void response.writeHead(request.method === 'GET' ? 405 : 202).end();
          response.writeHead(200, { 'content-type': 'application/json' });
          response.end(answer);
        });
      },
    });
    const connection = connect();
    const odd =
      '{"own":{"deep":[1.0,2]},"jsonrpc":"2.0",  "id":12345678901234567890,"method":"odd"}';
    await connection.shakeHands();
    connection.say(odd);
    await eventually(() => (connection.running.stdout().split('\n').length > 2 ? true : undefined));
    expect(seen[2]).toBe(odd);
    expect(connection.running.stdout()).toBe(
      `${answers.initialize}\n{ "jsonrpc": "2.0",  "id": 12345678901234567890,  "result": {"n": 1.10}, "own": [1e400] }\n`,
    );
  });

  it('of the server pass too: requests, progress, news, and cancellation', async () => {
    await warmRemote();
    const { client, running } = await connectClient(program, address(), {
      capabilities: { sampling: {} },
      prepare: (each) =>
        each.setRequestHandler(CreateMessageRequestSchema, () => ({
          model: 'scripted',
          role: 'assistant',
          content: { type: 'text', text: 'me' },
        })),
    });
    expect(await client.callTool({ name: 'ask', arguments: {} })).toMatchObject({
      content: [{ text: expect.stringContaining('"me"') }],
    });
    const progress: number[] = [];
    const cancelling = new AbortController();
    const slow = client.callTool({ name: 'slow', arguments: {} }, undefined, {
      signal: cancelling.signal,
      onprogress: ({ progress: now }) => progress.push(now),
    });
    slow.catch(() => {});
    await eventually(() => progress.length === 3 || undefined);
    cancelling.abort('enough');
    await expect(slow).rejects.toThrow('enough');
    await eventually(() => remote.done.includes('slow cancelled') || undefined);
    // The stream of what was cancelled is left as well: the session's own is all that stays open.
    await eventually(() => edge.connections.size <= 2 || undefined);
    running.child.stdin?.end();
    expect((await running.ended).code).toBe(0);
  });

  it('keep their order where it matters: nothing overtakes the handshake', async () => {
    const seen: string[] = [];
    let taken = () => {};
    await warm({
      onRequest(request, response) {
        let text = '';
        request.on('data', (part) => {
          text += part;
        });
        request.on('end', () => {
          const { id, method } = JSON.parse(text || '{}');
          seen.push(method ?? request.method);
          if (method === 'notifications/initialized') taken = () => response.writeHead(202).end();
          else if (id === undefined) response.writeHead(405).end();
          else {
            response.writeHead(200, { 'content-type': 'application/json' });
            response.end(JSON.stringify({ jsonrpc: '2.0', id, result: {} }));
          }
        });
      },
    });
    const connection = connect();
    await connection.ask(initialize());
    connection.say(initialized);
    connection.say({ jsonrpc: '2.0', id: 1, method: 'tools/list' });
    await eventually(() => seen.includes('notifications/initialized') || undefined);
    await sleep(200);
    expect(seen).not.toContain('tools/list');
    taken();
    await eventually(() => connection.heard().find(({ id }) => id === 1));
  });

  it('that are no JSON-RPC are answered so, and the next one passes', async () => {
    await warmRemote();
    const connection = connect();
    connection.say('{"jsonrpc":"2.0",');
    connection.say('[]');
    await eventually(() => connection.heard().length === 2 || undefined);
    for (const { id, error } of connection.heard()) {
      expect({ id, code: error?.code }).toEqual({ id: null, code: -32700 });
    }
    expect(edge.requests).toEqual([]);
    expect(await connection.shakeHands()).toHaveProperty('result');
  });

  it('of the revision 2026-07-28 carry their method and name as fields, and are cancelled by leaving', async () => {
    const cancelled: string[] = [];
    await warm({
      onRequest(request, response) {
        const body: Buffer[] = [];
        request.on('data', (part) => body.push(part));
        request.on('end', () => {
          const { id, params } = JSON.parse(Buffer.concat(body).toString() || '{}');
          if (params?.name === 'wait') {
            response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders();
            response.once('close', () => cancelled.push('wait'));
            return;
          }
          response.writeHead(200, { 'content-type': 'application/json' });
          response.end(JSON.stringify({ jsonrpc: '2.0', id, result: {} }));
        });
      },
    });
    const _meta = { 'io.modelcontextprotocol/protocolVersion': '2026-07-28' };
    const connection = connect();
    await connection.ask({ jsonrpc: '2.0', id: 0, method: 'server/discover', params: { _meta } });
    await connection.ask(call(1, 'grüße', {}, { _meta }));
    expect(edge.requests.map(({ headers }) => headers)).toMatchObject([
      { 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'server/discover' },
      {
        'mcp-protocol-version': '2026-07-28',
        'mcp-method': 'tools/call',
        'mcp-name': `=?base64?${Buffer.from('grüße').toString('base64')}?=`,
      },
    ]);
    connection.say(call(2, 'wait', {}, { _meta }));
    await eventually(() => edge.requests.length === 3 || undefined);
    connection.say({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 2 } });
    await eventually(() => cancelled.length > 0 || undefined);
    expect(edge.requests).toHaveLength(3);
    await connection.end();
    expect(connection.heard().map(({ id }) => id)).toEqual([0, 1]);
  });
});

describe('signing in', () => {
  it('opens the browser once, and the first message is answered when the person is back', async () => {
    remote = createRemoteMcp();
    edge = await startGuardedEdge(remote);
    const connection = connect();
    const answered = connection.shakeHands();
    await signInOnce();
    expect(await answered).toHaveProperty('result');
    expect(await program.opened()).toHaveLength(1);
    expectNoSecretIn(connection.running.stdout() + connection.running.stderr());
  });

  it('is refused with the address where nobody is there, and the next start joins', async () => {
    remote = createRemoteMcp();
    edge = await startGuardedEdge(remote);
    const first = connect(['--wait', '0.3']);
    const { error } = await first.ask(initialize());
    const opened = await eventually(async () => (await program.opened())[0]);
    expect(error?.message).toMatch(/waiting for a person to sign in/);
    const shown = /Sign in at (\S+) if no browser has opened, then try again/.exec(
      error?.message ?? '',
    );
    expect(error?.data).toMatchObject({ code: 'sign_in_pending', authorization_url: shown?.[1] });
    await first.end();
    const second = connect();
    const answered = second.shakeHands();
    await visitWhenOpen(shown?.[1] as string);
    expect(await answered).toHaveProperty('result');
    expect(await program.opened()).toEqual([opened]);
  });

  it('is one tab for hosts that start it in pairs and kill one', async () => {
    remote = createRemoteMcp();
    edge = await startGuardedEdge(remote);
    const pairs = Array.from({ length: 4 }, () => [connect(), connect()] as const);
    const kept = Promise.all(pairs.map(([, second]) => second.ask(initialize(), 25_000)));
    kept.catch(() => {});
    for (const [first] of pairs) {
      first.say(initialize());
      setTimeout(() => first.running.child.kill('SIGTERM'), 300);
    }
    await eventually(async () => (await program.opened())[0]);
    await Promise.all(pairs.map(([{ running }]) => running.ended));
    // The tab may have led to a process that is gone: the address is what the hosts show then.
    const late = connect(['--wait', '0']);
    const { error } = await late.ask(initialize());
    await visitWhenOpen(String(error?.data?.authorization_url));
    for (const answer of await kept) expect(answer).toHaveProperty('result');
    expect(await program.opened()).toHaveLength(1);
    expect(edge.authorizationServer.redeemed).toHaveLength(1);
  });

  it('is not asked for in the middle when a refresh will do: the message is sent once more', async () => {
    await warmRemote();
    const connection = connect();
    await connection.shakeHands();
    await eventually(() => methods().includes('GET') || undefined);
    edge.expire();
    edge.requests.length = 0;
    expect(await connection.ask(call(1, 'echo', { text: 'a' }))).toHaveProperty('result');
    expect(edge.requests.map(({ method, admitted }) => [method, admitted])).toEqual([
      ['POST', false],
      ['POST', true],
    ]);
    expect(remote.done).toEqual(['echo a']);
    expect(await program.opened()).toHaveLength(1);
  });

  it('is asked for in the middle when the grant is over, and the session goes on', async () => {
    await warmRemote();
    const connection = connect();
    await connection.shakeHands();
    edge.endGrants();
    const answered = connection.ask(call(1, 'echo', { text: 'a' }));
    await signInOnce(1);
    expect(await answered).toHaveProperty('result');
    expect(remote.done).toEqual(['echo a']);
    expect(remote.sessions.size).toBe(1);
    expect(await program.opened()).toHaveLength(2);
  });

  it('is not asked for by the session’s own stream, which comes back with the next message', async () => {
    await warmRemote();
    const connection = connect();
    await connection.shakeHands();
    await eventually(() => methods().includes('GET') || undefined);
    edge.endGrants();
    edge.requests.length = 0;
    for (const socket of edge.connections) socket.destroy();
    await eventually(() => methods().includes('GET') || undefined);
    await sleep(1_500);
    expect(methods()).toEqual(['GET']);
    expect(await program.opened()).toHaveLength(1);
    const answered = connection.ask(call(1, 'echo', { text: 'a' }), 20_000);
    await signInOnce(1);
    expect(await answered).toHaveProperty('result');
    await eventually(() =>
      edge.requests.find(({ method, admitted }) => method === 'GET' && admitted),
    );
    await remote.announce();
    await eventually(() =>
      connection.heard().find(({ method }) => method === 'notifications/message'),
    );
  });

  it('leaves the handshake an answer within 25 s, whoever is late', async () => {
    remote = createRemoteMcp();
    edge = await startGuardedEdge(remote);
    const silent = await startGuardedEdge({ onRequest: () => {} });
    const startedAt = performance.now();
    const slow = startConnect(program, `${silent.origin}/mcp`);
    const answered = async (connection: Connection) => {
      const { error } = await connection.ask(initialize(), 30_000);
      return { error, afterMs: performance.now() - startedAt };
    };
    const toSlow = answered(slow);
    const [late, waiting] = await Promise.all([
      toSlow,
      signInOnce().then(() => answered(connect())),
    ]);
    expect(late.afterMs).toBeLessThan(25_000);
    expect(late.error?.data).toMatchObject({ code: 'timeout' });
    expect(waiting.error?.data).toMatchObject({ code: 'sign_in_pending' });
    expect(waiting.error?.message).toContain(String(waiting.error?.data?.authorization_url));
    await slow.end();
    await silent.close();
  }, 60_000);

  it('is never asked for in headless mode', async () => {
    remote = createRemoteMcp();
    edge = await startGuardedEdge(remote);
    const connection = connect([], { CF_ACCESS_HEADLESS: '1' });
    const { error } = await connection.ask(initialize());
    expect(error?.data).toMatchObject({ code: 'sign_in_required' });
    expect(error?.message).toContain('CF_ACCESS_HEADLESS=1 is set');
    expect(await program.opened()).toEqual([]);
  });
});
