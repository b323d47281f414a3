/** Faults on both sides of `connect`: what the host is told, and what the far end has seen. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createProgram, type Program } from '../cli/program.ts';
import {
  type Connection,
  call,
  initialize,
  type Json,
  type Said,
  startConnect,
} from '../support/connected.ts';
import { type GuardedEdge, startGuardedEdge } from '../support/guarded-edge.ts';
import { visit } from '../support/hostile-matrix.ts';
import { eventually } from '../support/mcp-server.ts';

interface Asked {
  readonly request: IncomingMessage;
  readonly message: Json;
  readonly response: ServerResponse;
  /** From 1, among those of its kind in this row. */
  readonly nth: number;
}
type Handler = (asked: Asked) => unknown;

interface Row {
  readonly fault: string;
  readonly on: Partial<Record<'initialize' | 'call' | 'GET', Handler>>;
  /** In the error that a call is answered with, or `initialize` where that is what fails. */
  readonly code?: string;
  readonly says?: RegExp;
  /** The call is answered with the server's own result. */
  readonly passes?: true;
  /** How often a call has come. */
  readonly calls?: number;
  readonly far?: (connection: Connection, answer: Said) => unknown;
  readonly environment?: Record<string, string>;
}

let program: Program;
let edge: GuardedEdge;
let elsewhere: { origin: string; seen: string[]; close(): void };
let row: Row;
let counts: Record<string, number> = {};

const json = (response: ServerResponse, content: unknown, status = 200) => {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(typeof content === 'string' ? content : JSON.stringify(content));
};
const result = (message: Json, content: Json = { content: [] }) => ({
  jsonrpc: '2.0',
  id: message.id,
  result: content,
});
const page =
  (status: number, type: string, body: string): Handler =>
  ({ response }) =>
    void response.writeHead(status, { 'content-type': type }).end(body);
const stream = (response: ServerResponse, ...events: string[]) => {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  for (const event of events) response.write(`${event}\n\n`);
  return response;
};
const data = (content: unknown) => `data: ${JSON.stringify(content)}`;

const honest: Record<string, Handler> = {
  initialize: ({ message, response }) => {
    response.setHeader('mcp-session-id', 'one');
    json(response, result(message, { protocolVersion: '2025-06-18', capabilities: {} }));
  },
  call: ({ message, response }) => json(response, result(message)),
  GET: ({ response }) => void response.writeHead(405).end(),
  other: ({ response }) => void response.writeHead(202).end(),
};

const rows: readonly Row[] = [
  {
    fault: 'a web page in the place of the server',
    on: { initialize: page(200, 'text/html', '<html><title>The “intranet”\u202e</title></html>') },
    code: 'invalid_input',
    says: /web page titled “The "intranet"” \(status 200\) at \/mcp: there is no MCP server/,
  },
  {
    fault: 'a login page of Access in the place of the server',
    on: {
      initialize: page(200, 'text/html', '<form action="https://t.cloudflareaccess.com/x"></form>'),
    },
    code: 'access_denied',
    says: /login page of Cloudflare Access \(status 200\)/,
  },
  {
    fault: 'a redirect to the login page, whoever asks',
    on: {
      call: ({ response }) =>
        response.writeHead(302, { location: '/cdn-cgi/access/login/localhost' }).end(),
    },
    far: (_, { error }) => expect(error?.data?.code).toBeTruthy(),
  },
  {
    fault: 'no such path',
    on: { initialize: page(404, 'text/plain', 'nothing here\u0007') },
    code: 'invalid_input',
    says: /answered 404 \(“text\/plain”\) at \/mcp.*“nothing here”/,
  },
  {
    fault: 'no such path, and no event stream either',
    on: {
      initialize: page(405, 'text/plain', 'not so'),
      GET: page(200, 'text/html', '<html></html>'),
    },
    code: 'invalid_input',
    says: /answered 405/,
  },
  {
    fault: 'the server’s own refusal of a handshake, without an id',
    on: {
      initialize: ({ response }) =>
        json(
          response,
          { jsonrpc: '2.0', error: { code: -32000, message: 'not this version' }, id: null },
          400,
        ),
    },
    far: (_, { error }) => expect(error).toEqual({ code: -32000, message: 'not this version' }),
  },
  {
    fault: 'the server’s own 403',
    on: { call: page(403, 'text/plain', 'not you') },
    code: 'access_denied',
    says: /beyond Access, which lets the request in/,
  },
  {
    fault: 'the server is out of order',
    on: { call: page(502, 'text/html', '<html><title>Bad Gateway</title></html>') },
    code: 'temporarily_unavailable',
    says: /titled “Bad Gateway” \(status 502\) at \/mcp\.\nTry again/,
  },
  {
    fault: 'too many requests',
    on: { call: page(429, 'text/plain', '') },
    code: 'temporarily_unavailable',
    calls: 1,
  },
  {
    fault: 'the tunnel is down (error 1033)',
    on: { call: page(530, 'text/plain', 'error code: 1033') },
    code: 'temporarily_unavailable',
    says: /tunnel is down/,
  },
  {
    fault: 'a connection that is cut before the answer: a message is not sent twice',
    on: { call: ({ request }) => request.socket.resetAndDestroy() },
    code: 'network_error',
    calls: 1,
  },
  {
    fault: 'a stream that ends without the answer',
    on: { call: ({ response }) => stream(response, ': nothing').end() },
    code: 'network_error',
    says: /ended its answer before the result was there\.\nCheck whether it was done/,
    calls: 1,
  },
  {
    fault: 'a stream that is cut in the middle of its answer',
    on: {
      call: ({ message, response }) => {
        stream(response, data({ jsonrpc: '2.0', method: 'notifications/progress', params: {} }));
        response.write(data(result(message)).slice(0, 20));
        setTimeout(() => response.destroy(), 50);
      },
    },
    code: 'network_error',
    calls: 1,
    far: ({ heard }) =>
      expect(heard().map(({ method }) => method)).toContain('notifications/progress'),
  },
  {
    fault: 'a stream whose events have ids breaks off: it is taken up where it was',
    on: {
      call: ({ response }) => {
        stream(response, 'retry: 20', 'id: ä1\ndata:');
        response.end();
      },
      GET: ({ request, response, nth }) => {
        if (request.headers['last-event-id'] === undefined) return response.writeHead(405).end();
        if (nth < 4) return request.socket.destroy();
        const id = Buffer.from(String(request.headers['last-event-id']), 'latin1').toString();
        stream(response, data({ ...result({ id: 1 }), result: { taken: id } }));
        return response.end();
      },
    },
    calls: 1,
    far: (_, answer) => expect(answer.result).toEqual({ taken: 'ä1' }),
  },
  {
    fault: 'a stream that is to be taken up and is not there any more',
    on: {
      call: ({ response }) => stream(response, 'retry: 20', 'id: 1\ndata:').end(),
      GET: page(404, 'text/plain', 'gone'),
    },
    code: 'invalid_input',
    says: /“gone”/,
    calls: 1,
  },
  {
    fault: 'what is no JSON-RPC among the messages: it is told, and the answer passes',
    on: {
      call: ({ message, response }) => {
        stream(response, 'data: hello', data({ a: 1 }), data(result(message)));
        response.end();
      },
    },
    passes: true,
    far: ({ running, heard }) => {
      expect(running.stderr()).toContain('no JSON-RPC message; it was left out');
      expect(heard()).toHaveLength(2);
    },
  },
  {
    fault: 'an answer in an event of several lines: the host hears one line',
    on: {
      call: ({ message, response }) => {
        const lines = JSON.stringify(result(message), null, 1).split('\n');
        stream(response, lines.map((line) => `data: ${line}`).join('\n')).end();
      },
    },
    passes: true,
  },
  {
    fault: 'another message on a line of its own within an answer: the host hears none of it',
    on: {
      call: ({ message, response }) => {
        const [before, after] = JSON.stringify(result(message, { a: '' })).split('""');
        const within = JSON.stringify(result({ id: 7 }));
        stream(response, `data: ${before}\ndata: ${within}\ndata: ${after}`).end();
      },
    },
    passes: true,
    far: ({ heard }) => expect(heard().map(({ id }) => id)).toEqual([0, 1]),
  },
  {
    fault: 'an answer that is no JSON',
    on: { call: ({ response }) => json(response, 'hello') },
    code: 'network_error',
    says: /“hello”/,
  },
  {
    fault: 'the answer to another request',
    on: { call: ({ response }) => json(response, result({ id: 99 })) },
    code: 'network_error',
    says: /before the result was there/,
    far: ({ heard }) => expect(heard().map(({ id }) => id)).toEqual([0, 1]),
  },
  {
    fault: 'two answers to one request: the host hears one',
    on: {
      call: ({ message, response }) => {
        stream(response, data(result(message)), data(result(message, { again: true })));
        response.end();
      },
    },
    passes: true,
    far: async (connection) => {
      row = { fault: '', on: {} };
      await connection.ask(call(2, 'x'));
      expect(connection.heard().map(({ id }) => id)).toEqual([0, 1, 2]);
    },
  },
  {
    fault: 'one answer in a batch of its own',
    on: { call: ({ message, response }) => json(response, [result(message)]) },
    passes: true,
  },
  {
    fault: 'an accepted request without an answer',
    on: { call: ({ response }) => response.writeHead(202).end() },
    code: 'network_error',
  },
  {
    fault: 'an answer in gzip, unasked',
    on: {
      call: ({ message, response }) => {
        response.writeHead(200, { 'content-type': 'application/json', 'content-encoding': 'gzip' });
        response.end(gzipSync(JSON.stringify(result(message))));
      },
    },
    passes: true,
  },
  {
    fault: 'an answer larger than hosts take: it is told, and the next one passes',
    on: {
      call: ({ message, response }) => json(response, result(message, { x: 'x'.repeat(11e6) })),
    },
    code: 'response_too_large',
    far: async (connection) => {
      row = { fault: '', on: {} };
      expect(await connection.ask(call(2, 'x'))).toHaveProperty('result');
    },
  },
  {
    fault: 'the same in a stream',
    on: {
      call: ({ message, response }) =>
        void stream(response, data(result(message, { x: 'x'.repeat(11e6) }))),
    },
    code: 'response_too_large',
  },
  {
    fault: 'a redirect within the origin that keeps the method: the message goes on, once',
    on: {
      call: ({ request, message, response }) => {
        if (request.url === '/mcp') response.writeHead(307, { location: '/mcp/' }).end();
        else json(response, result(message, { at: request.url }));
      },
    },
    calls: 2,
    far: (_, answer) => expect(answer.result).toEqual({ at: '/mcp/' }),
  },
  {
    fault: 'a redirect to another origin: nothing is sent there',
    on: {
      call: ({ response }) =>
        response.writeHead(307, { location: `${elsewhere.origin}/mcp` }).end(),
    },
    code: 'redirect_refused',
    calls: 1,
    far: () => expect(elsewhere.seen).toEqual([]),
  },
  {
    fault: 'a redirect of the session’s own stream to another origin: nothing is sent there',
    on: {
      GET: ({ response }) => response.writeHead(307, { location: `${elsewhere.origin}/mcp` }).end(),
    },
    passes: true,
    far: async () => {
      await eventually(() => counts.GET);
      await new Promise((resolve) => setTimeout(resolve, 300));
      expect(elsewhere.seen).toEqual([]);
    },
  },
  {
    fault: 'a revision that would be a field of its own: it is not sent',
    on: {
      initialize: ({ message, response }) =>
        json(response, result(message, { protocolVersion: '1\r\nx: y', capabilities: {} })),
    },
    passes: true,
    far: () => expect(edge.requests.at(-1)?.headers).not.toHaveProperty('mcp-protocol-version'),
  },
  {
    fault: 'a redirect that would drop the message',
    on: { call: ({ response }) => response.writeHead(302, { location: '/mcp/' }).end() },
    code: 'redirect_refused',
    calls: 1,
  },
  {
    fault: 'a server of the first revision that has messages posted to another origin',
    on: {
      initialize: page(405, 'text/plain', ''),
      GET: ({ response }) =>
        stream(response, `event: endpoint\ndata: ${elsewhere.origin}/messages`),
    },
    code: 'access_denied',
    says: /another origin/,
    far: () => expect(elsewhere.seen).toEqual([]),
  },
  {
    fault: 'a method other than reading, where an administrator allows no other',
    on: {},
    environment: { CF_ACCESS_READ_ONLY: '1' },
    code: 'access_denied',
    says: /POST was not sent/,
    far: () => expect(edge.requests).toEqual([]),
  },
];

beforeAll(async () => {
  program = await createProgram();
  edge = await startGuardedEdge({
    onRequest(request, response) {
      const parts: Buffer[] = [];
      request.on('data', (part) => parts.push(part));
      request.on('end', () => {
        const message = JSON.parse(Buffer.concat(parts).toString() || '{}') as Json;
        const kind =
          request.method === 'GET'
            ? 'GET'
            : message.method === 'initialize'
              ? 'initialize'
              : message.method === 'tools/call'
                ? 'call'
                : 'other';
        counts[kind] = (counts[kind] ?? 0) + 1;
        const handler = (kind === 'other' ? undefined : row.on[kind]) ?? honest[kind];
        handler?.({ request, message, response, nth: counts[kind] });
      });
    },
  });
  const seen: string[] = [];
  const other = createServer((request, response) => {
    seen.push(request.url ?? '');
    response.end();
  });
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', () => resolve()));
  const { port } = other.address() as AddressInfo;
  elsewhere = { origin: `http://localhost:${port}`, seen, close: () => other.close() };
  const login = program.start(['login', edge.origin]);
  await visit(await eventually(async () => (await program.opened())[0]));
  expect((await login.ended).code).toBe(0);
});
afterAll(async () => {
  await edge?.close();
  elsewhere?.close();
  await program?.remove();
});

describe('the matrix of connect', () => {
  // As they are: `$fault` would cut them short.
  it.each(rows.map((each) => [each.fault, each] as const))('%s', async (_, given) => {
    row = given;
    counts = {};
    edge.requests.length = 0;
    const connection = startConnect(program, `${edge.origin}/mcp`, ['--wait', '0.2'], {
      environment: given.environment ?? {},
    });
    let answer = await connection.shakeHands();
    if (answer.result) answer = await connection.ask(call(1, 'tool'), 20_000);
    if (given.code !== undefined) expect(answer.error?.data).toMatchObject({ code: given.code });
    if (given.says) expect(answer.error?.message).toMatch(given.says);
    if (given.passes) expect(answer).toHaveProperty('result');
    if (given.calls !== undefined) expect(counts.call).toBe(given.calls);
    await given.far?.(connection, answer);
    const { code, stdout, stderr } = await connection.end();
    expect(code).toBe(0);
    for (const secret of edge.issued) expect(stdout + stderr).not.toContain(secret);
    await eventually(() => edge.connections.size === 0 || undefined);
  });
});

describe('at the start', () => {
  it('an unknown host is told with its name, and the process goes on', async () => {
    const connection = startConnect(program, 'https://nowhere.invalid/mcp');
    const { error } = await connection.ask(initialize(), 20_000);
    expect(error?.message).toMatch(/nowhere\.invalid/);
    expect(error?.data).toMatchObject({ code: 'network_error' });
    expect((await connection.end()).code).toBe(0);
  });

  it.each([
    ['http beyond this machine', 'http://app.example.com/mcp', 2, /https/],
    ['what is no URL', 'https://', 2, /not an absolute URL/],
    ['a password in the URL', 'https://a:b@app.example.com/mcp', 2, /user name or password/],
  ])('%s is refused', async (_, url, code, says) => {
    const run = await program.run(['connect', url]);
    expect(run).toMatchObject({ code, stdout: '' });
    expect(run.stderr).toMatch(says);
  });

  it('a host that an administrator does not allow is refused', async () => {
    const run = await program.run(['connect', `${edge.origin}/mcp`], {
      environment: { CF_ACCESS_ALLOWED_HOSTS: 'a.example.com' },
    });
    expect(run).toMatchObject({ code: 1, stdout: '' });
    expect(run.stderr).toContain('CF_ACCESS_ALLOWED_HOSTS');
  });

  it('a host that goes away in the middle of a message has sent nothing', async () => {
    edge.requests.length = 0;
    const run = await program.run(['connect', `${edge.origin}/mcp`], {
      input: JSON.stringify(initialize()).slice(0, -5),
    });
    expect(run).toMatchObject({ code: 0, stdout: '' });
    expect(edge.requests).toEqual([]);
  });
});
