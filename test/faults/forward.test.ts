/** Faults on both sides of `forward`: what the local client gets, and what the far end has seen. */
import { once } from 'node:events';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createProgram, type Program } from '../cli/program.ts';
import { freePort } from '../support/callback-port.ts';
import { createCertificate } from '../support/certificate.ts';
import { ask, type Forwarding, type LocalAnswer, startForward } from '../support/forwarding.ts';
import {
  challengeOf,
  type HostileApplication,
  startHostileApplication,
  type Twists,
} from '../support/hostile-application.ts';
import { visit } from '../support/hostile-matrix.ts';
import { bytes, type Reply, reset, type Seen, sayRaw } from '../support/hostile-origin.ts';
import { eventually } from '../support/mcp-server.ts';

interface World {
  readonly app: HostileApplication;
  readonly local: string;
  readonly port: number;
  ask: (path?: string, options?: Parameters<typeof ask>[2]) => Promise<LocalAnswer>;
  say: (text: string) => Promise<string>;
}

interface Row {
  readonly fault: string;
  /** From when on the session is there. */
  readonly twists?: Twists;
  readonly status?: number;
  /** In the answer's text. */
  readonly says?: RegExp;
  readonly run?: (world: World) => Promise<LocalAnswer | string>;
  readonly far?: (world: World, answer: LocalAnswer) => unknown;
  /** A browser is opened for it. */
  readonly opens?: true;
}

const page = (reply: Reply | ((seen: Seen) => Reply)): Twists => ({
  page: (seen) => (typeof reply === 'function' ? reply(seen) : reply),
});
const tokenOf = ({ headers }: Seen): string =>
  (headers.authorization ?? '').replace(/^Bearer /, '');
const asksFor =
  (method: string, body = 'body') =>
  ({ ask: asked }: World) =>
    asked('/', { method, body, headers: { 'content-length': body.length } });

const rows: readonly Row[] = [
  {
    fault: 'a policy refuses the person (Cf-Access-Error)',
    twists: page({ status: 403, headers: { 'cf-access-error': 'not you' }, body: 'a page' }),
    status: 403,
    says: /refuses the request.*“not you”/,
  },
  {
    fault: 'the tunnel is down (error 1033)',
    twists: page({ status: 530, body: 'error code: 1033' }),
    status: 503,
    says: /tunnel is down/,
  },
  {
    fault: 'no application covers the host (error 1043)',
    twists: page({ status: 403, body: 'error code: 1043' }),
    status: 403,
    says: /1043/,
  },
  {
    fault: 'a login page in the place of the answer, once only: it is met by a refresh',
    twists: (() => {
      let shown = false;
      return page(({ path }) => {
        if (shown || path !== '/') return { body: 'the answer' };
        shown = true;
        return {
          status: 302,
          headers: { location: '/cdn-cgi/access/login/localhost', 'set-cookie': 'CF_AppSession=x' },
        };
      });
    })(),
    status: 200,
    says: /^the answer$/,
  },
  {
    fault: 'a login page whoever asks: it is no answer, and nobody is sent to it',
    twists: page({ status: 302, headers: { location: '/cdn-cgi/access/login/localhost' } }),
    far: (_, answer) => {
      expect(answer.status).toBeGreaterThanOrEqual(400);
      expect(answer.headers).not.toHaveProperty('location');
    },
  },
  {
    fault:
      'the token is refused, and the authorization server is out of order: the session is kept',
    twists: {
      page: () => ({ status: 401, headers: { 'www-authenticate': challengeOf('ORIGIN') } }),
      token: () => ({ status: 503, body: 'later' }),
    },
    status: 503,
    far: async ({ app, ask: asked }) => {
      app.twists = {};
      expect(await asked()).toMatchObject({ status: 200 });
    },
  },
  {
    fault: 'the challenge’s metadata names another origin (RFC 9728 §3.3)',
    twists: {
      page: () => ({ status: 401, headers: { 'www-authenticate': challengeOf('ORIGIN') } }),
      token: () => ({ status: 400, json: { error: 'invalid_grant' } }),
      resourceMetadata: (_, honest) => ({
        json: { ...(honest().json as object), resource: 'https://evil.example' },
      }),
    },
    status: 502,
    says: /metadata/,
  },
  {
    fault: 'the grant is over, and nobody signs in within the time that a request waits',
    twists: {
      page: () => ({ status: 401, headers: { 'www-authenticate': challengeOf('ORIGIN') } }),
      token: () => ({ status: 400, json: { error: 'invalid_grant' } }),
    },
    status: 503,
    says: /Sign in at http:\/\/localhost:\d+\/oauth\/authorization/,
    opens: true,
  },
  {
    fault: 'the origin’s own 401 is its answer, and no browser opens',
    twists: page({
      status: 401,
      headers: { 'www-authenticate': 'Basic realm="git"' },
      body: 'who?',
    }),
    status: 401,
    says: /^who\?$/,
    far: (_, { headers }) => expect(headers['www-authenticate']).toBe('Basic realm="git"'),
  },
  {
    fault: 'the client’s own Authorization, where ours travels in it and nothing proves Access',
    run: ({ ask: asked }) => asked('/', { headers: { authorization: 'Basic eDp5' } }),
    status: 400,
    says: /Authorization/,
    // The guard is asked with the client's own field, and what it is without any: ours goes to nobody.
    far: ({ app }) =>
      expect(
        app
          .of('/')
          .map(({ method, headers }) => [
            method,
            headers.authorization,
            headers['cf-access-token'],
          ]),
      ).toEqual([
        ['GET', 'Basic eDp5', undefined],
        ['HEAD', undefined, undefined],
      ]),
  },
  {
    fault: 'a connection that is cut before the answer: a GET is sent once more',
    twists: (() => {
      let cut = false;
      return page(() => {
        if (cut) return { body: 'the answer' };
        cut = true;
        return reset;
      });
    })(),
    status: 200,
    says: /^the answer$/,
  },
  {
    fault: 'a connection that is cut before the answer: a POST is not',
    twists: page(reset),
    run: asksFor('POST'),
    status: 502,
    far: ({ app }) => expect(app.of('/').length).toBeLessThanOrEqual(1),
  },
  { fault: 'no HTTP at all', twists: page(bytes('SSH-2.0-OpenSSH_9.2\r\n')), status: 502 },
  {
    fault: 'a reason phrase in other letters than ASCII’s: it loses them',
    twists: page(bytes('HTTP/1.1 403 Acc\xe8s refus\xe9\x01\r\nContent-Length: 2\r\n\r\nno')),
    status: 403,
    says: /^no$/,
    far: (_, answer) => expect((answer as LocalAnswer).reason).toBe('Accs refus'),
  },
  {
    fault: 'trailers that are announced where none can follow (RFC 9110 §6.5.1)',
    twists: page(
      bytes('HTTP/1.1 200 OK\r\nTrailer: X-Own\r\nX-Own: yes\r\nContent-Length: 2\r\n\r\nok'),
    ),
    status: 200,
    says: /^ok$/,
    far: async ({ ask: asked, port, app }, { headers }) => {
      expect(headers).toMatchObject({ 'x-own': 'yes', 'content-length': '2' });
      expect(headers).not.toHaveProperty('trailer');
      expect(await asked('/', { method: 'HEAD' })).toMatchObject({ status: 200 });
      const request = `GET / HTTP/1.0\r\nHost: 127.0.0.1:${port}\r\n\r\n`;
      app.twists = page(
        bytes(
          'HTTP/1.1 200 OK\r\nTrailer: X-Own\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n',
        ),
      );
      expect(await sayRaw(port, request, { withinMs: 10_000 })).toMatch(/^HTTP\/1\.1 200 .*ok$/s);
    },
  },
  {
    fault: 'an answer with two framings (RFC 9112 §6.3)',
    twists: page(
      bytes(
        'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n',
      ),
    ),
    status: 502,
  },
  {
    fault: 'header fields beyond all measure',
    twists: page({ headers: { 'x-large': 'x'.repeat(200_000) } }),
    status: 502,
    says: /too large/,
  },
  {
    fault: 'a 204 that says it has content (RFC 9110 §8.6)',
    twists: page(bytes('HTTP/1.1 204 No Content\r\nContent-Length: 0\r\nX-Own: yes\r\n\r\n')),
    status: 204,
    far: (_, { headers }) => expect(headers).not.toHaveProperty('content-length'),
  },
  {
    fault: 'an error page in gzip',
    twists: page({
      status: 500,
      headers: { 'content-encoding': 'gzip', 'content-length': String(gzipSync('broken').length) },
      body: gzipSync('broken'),
    }),
    status: 500,
    says: /^broken$/,
  },
  {
    fault: 'an answer before the request’s end',
    twists: {},
    run: ({ port, app }) => {
      app.twists = page({ status: 413, body: 'too large' });
      return sayRaw(
        port,
        `POST / HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nContent-Length: 4\r\n\r\nbody`,
        { whole: /^HTTP\/1\.1 413 .*too large/s },
      );
    },
    far: (_, answer) => expect(String(answer)).toMatch(/^HTTP\/1\.1 413 /),
  },
  ...echoes(),
  {
    fault: 'a request with two framings (RFC 9112 §6.3)',
    run: ({ say }) =>
      say(
        'Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\n',
      ),
    far: refusedHere,
  },
  {
    fault: 'a body in another transfer coding than chunks (RFC 9112 §6.1)',
    run: ({ say }) => say('Transfer-Encoding: gzip, chunked\r\n\r\n4\r\nabcd\r\n0\r\n\r\n'),
    far: ({ app }, answer) => {
      expect(String(answer)).toMatch(/^HTTP\/1\.1 501 /);
      expect(app.seen).toEqual([]);
    },
  },
  {
    fault: 'an early hint for a client of HTTP/1.0, which knows none (RFC 9110 §15.2)',
    twists: page(
      bytes(
        'HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload; as=style\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n',
      ),
    ),
    run: ({ port }) =>
      sayRaw(port, `GET / HTTP/1.0\r\nHost: 127.0.0.1:${port}\r\n\r\n`, { withinMs: 10_000 }),
    far: (_, answer) => expect(String(answer)).toMatch(/^HTTP\/1\.1 200 /),
  },
  {
    fault: 'an offer of another protocol before the answer to an earlier request',
    run: async ({ port, app }) => {
      app.twists = page({ raw: () => {} });
      const host = `Host: 127.0.0.1:${port}`;
      const offer = `GET /b HTTP/1.1\r\n${host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`;
      return sayRaw(port, `GET /a HTTP/1.1\r\n${host}\r\n\r\n${offer}`);
    },
    far: (_, answer) => expect(answer).toBe(''),
  },
  {
    fault: 'the same behind a request that Node answers itself',
    run: async ({ port }) => {
      const host = `Host: 127.0.0.1:${port}`;
      const offer = `GET /b HTTP/1.1\r\n${host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`;
      return sayRaw(port, `GET /a HTTP/1.1\r\n${host}\r\nExpect: more\r\n\r\n${offer}`);
    },
    far: ({ app }) => expect(app.seen).toEqual([]),
  },
  {
    fault: 'a request with two lengths',
    run: ({ say }) => say('Content-Length: 0\r\nContent-Length: 30\r\n\r\n'),
    far: refusedHere,
  },
  {
    fault: 'a request whose header is beyond all measure',
    run: ({ say }) => say(`X-Large: ${'x'.repeat(100_000)}\r\n\r\n`),
    far: refusedHere,
  },
  {
    fault: 'a request without a Host',
    run: ({ port }) => sayRaw(port, 'GET / HTTP/1.0\r\n\r\n', { withinMs: 500 }),
    far: refusedHere,
  },
];

function refusedHere({ app }: World, answer: LocalAnswer | string): void {
  expect(String(answer)).toMatch(/^HTTP\/1\.1 4\d\d /);
  expect(app.seen).toEqual([]);
}

/** The origin says our token again; nobody here may read it. */
function echoes(): Row[] {
  const places: [string, (token: string) => Reply][] = [
    ['in a text', (token) => ({ headers: { 'content-type': 'text/plain' }, body: `<${token}>` })],
    ['in a text of no type', (token) => bytes(`HTTP/1.1 200 OK\r\n\r\n<${token}>`)],
    [
      'in a request that is shown',
      (token) => ({ headers: { 'content-type': 'message/http' }, body: `GET / x: ${token}` }),
    ],
    [
      'in a form',
      (token) => ({
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
        body: `token=${encodeURIComponent(token)}`,
      }),
    ],
    [
      'in a text with a coding that is none',
      (token) => ({
        headers: { 'content-type': 'text/plain', 'content-encoding': 'identity' },
        body: `<${token}>`,
      }),
    ],
    [
      'in a text with a coding that is not known',
      (token) => ({
        headers: { 'content-type': 'text/plain', 'content-encoding': 'utf-8' },
        body: `<${token}>`,
      }),
    ],
    [
      'in a text in pieces',
      (token) => ({ headers: { 'content-type': 'text/html' }, chunks: [...`<${token}>`] }),
    ],
    [
      'in JSON, in base64',
      (token) => ({ json: { token: Buffer.from(`x:${token}`).toString('base64') } }),
    ],
    ['in a field', (token) => ({ headers: { 'x-echo': `Bearer ${token}` } })],
    [
      'in a redirect to elsewhere',
      (token) => ({
        status: 302,
        headers: { location: `https://evil.example/?t=${encodeURIComponent(token)}` },
      }),
    ],
    ['in a cookie', (token) => ({ headers: { 'set-cookie': `copy=${token}; Path=/` } })],
    [
      'in the reason phrase',
      (token) => bytes(`HTTP/1.1 200 ${token}\r\nContent-Length: 0\r\n\r\n`),
    ],
    [
      'in a trailer',
      (token) =>
        bytes(
          `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Echo: ${token}\r\n\r\n`,
        ),
    ],
    [
      'in an early hint',
      (token) =>
        bytes(
          `HTTP/1.1 103 Early Hints\r\nLink: </${token}>; rel=preload; as=style\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n`,
        ),
    ],
  ];
  return places.map(([place, reply]) => ({
    fault: `an echo of our token ${place}`,
    twists: page((seen) => reply(tokenOf(seen))),
    run: ({ port }) =>
      // Closed after the answer: nothing is waited for longer than it takes.
      sayRaw(
        port,
        `GET / HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nTE: trailers\r\nConnection: close\r\n\r\n`,
        { withinMs: 10_000 },
      ),
    far: (_, answer) => expect(String(answer)).toMatch(/^HTTP\/1\.1 (?:200|302) /),
  }));
}

describe('forward', () => {
  let program: Program;
  let standing: HostileApplication;
  let keeping: Forwarding;

  beforeAll(async () => {
    program = await createProgram();
    standing = await startHostileApplication();
    await signIn(standing);
    keeping = await startForward(program, standing.origin);
  });
  afterAll(async () => {
    await keeping?.end();
    await standing?.close();
    await program.remove();
  });

  async function signIn(app: HostileApplication): Promise<void> {
    const before = (await program.opened()).length;
    const login = program.start(['login', app.origin]);
    await visit(await eventually(async () => (await program.opened())[before]));
    expect((await login.ended).code).toBe(0);
  }

  it.each(rows.map((row) => [row.fault, row] as const))('%s', async (_, row) => {
    const app = await startHostileApplication();
    await signIn(app);
    const forward = await startForward(program, app.origin, ['--wait', '0.5']);
    const opened = (await program.opened()).length;
    try {
      app.seen.length = 0;
      app.twists = withOrigin(row.twists ?? {}, app.origin);
      const { local, port } = forward;
      const world: World = {
        app,
        local,
        port,
        ask: (path = '/', options) => ask(local, path, options),
        say: (fields) =>
          sayRaw(port, `POST / HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n${fields}`, {
            withinMs: 500,
          }),
      };
      const answer = await (row.run ?? ((each: World) => each.ask()))(world);
      if (typeof answer === 'object') {
        if (row.status !== undefined) expect(answer.status, answer.body).toBe(row.status);
        if (row.says) expect(answer.body.replace(/\n$/, '')).toMatch(row.says);
      }
      await row.far?.(world, answer as LocalAnswer);
      expect((await program.opened()).length - opened).toBe(row.opens ? 1 : 0);
      const shown = JSON.stringify(answer) + forward.running.stderr() + forward.running.stdout();
      for (const secret of app.issued) expectHidden(shown, secret);
      if (!row.opens) await expectSession(app, forward);
      await expectAlive();
    } finally {
      expect(await forward.end()).toBe(0);
      await app.close();
    }
  });

  /** With the addresses of this application in the challenges that a row wrote. */
  function withOrigin(twists: Twists, origin: string): Twists {
    const { page: given, ...others } = twists;
    if (!given) return twists;
    return {
      ...others,
      page: async (...args) => {
        const reply = await given(...args);
        const challenge = reply.headers?.['www-authenticate'];
        if (typeof challenge !== 'string') return reply;
        const headers = { 'www-authenticate': challenge.replaceAll('ORIGIN', origin) };
        return { ...reply, headers: { ...reply.headers, ...headers } };
      },
    };
  }

  function expectHidden(shown: string, secret: string): void {
    const bare = secret.replace(/^oauth:/, '');
    const base64 = Buffer.from(`x:${secret}`).toString('base64').slice(4, -4);
    for (const form of [bare, encodeURIComponent(secret), base64]) {
      expect(shown.includes(form), 'a secret was shown').toBe(false);
    }
  }

  /** This relay serves on, if the fault has left a session. */
  async function expectSession(app: HostileApplication, forward: Forwarding): Promise<void> {
    if (!(await program.run(['status', '--json'])).stdout.includes(app.origin)) return;
    app.twists = {};
    expect(await ask(forward.local, '/alive')).toMatchObject({ status: 200 });
  }

  /** Its neighbour has noticed nothing. */
  async function expectAlive(): Promise<void> {
    standing.seen.length = 0;
    expect(await ask(keeping.local, '/')).toMatchObject({ status: 200, body: 'the page\n' });
    expect(standing.seen).toHaveLength(1);
  }
});

describe('forward, where it cannot work', () => {
  let program: Program;
  beforeAll(async () => {
    program = await createProgram();
  });
  afterAll(() => program.remove());

  it('says that nothing listens at the origin', async () => {
    const forward = await startForward(program, `http://localhost:${await freePort()}`);
    const answer = await ask(forward.local, '/');
    expect(answer).toMatchObject({ status: 502 });
    expect(answer.body).toContain('Nothing listens on port');
    expect(forward.running.stderr()).toContain('Nothing listens on port');
    await forward.end();
  });

  it('names NODE_EXTRA_CA_CERTS for a certificate that is not trusted', async () => {
    const server = createTlsServer(createCertificate(['localhost']), (_, response) =>
      response.end(),
    );
    server.listen(0, 'localhost');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const forward = await startForward(program, `https://localhost:${port}`);
    const answer = await ask(forward.local, '/');
    expect(answer).toMatchObject({ status: 502 });
    expect(answer.body).toContain('NODE_EXTRA_CA_CERTS');
    await forward.end();
    server.close();
  });

  it('does not serve a relay that leads to itself', async () => {
    const port = String(await freePort());
    const forward = await startForward(program, `http://localhost:${port}`, ['--port', port]);
    const answer = await ask(forward.local, '/');
    expect(answer).toMatchObject({ status: 508 });
    expect(answer.body).toContain('leads to itself');
    await forward.end();
  });

  it('asks nobody where nobody is asked (CF_ACCESS_HEADLESS)', async () => {
    const app = await startHostileApplication();
    const forward = await startForward(program, app.origin, [], {
      environment: { CF_ACCESS_HEADLESS: '1' },
    });
    const answer = await ask(forward.local, '/');
    expect(answer).toMatchObject({ status: 503, headers: { 'retry-after': '30' } });
    expect(answer.body).toContain('CF_ACCESS_HEADLESS=1 is set');
    expect(await program.opened()).toEqual([]);
    await forward.end();
    await app.close();
  });

  it('keeps an administrator’s limits: hosts at the start, methods and WebSockets when asked', async () => {
    const app = await startHostileApplication();
    const elsewhere = { environment: { CF_ACCESS_ALLOWED_HOSTS: 'a.example.com' } };
    const refused = await program.run(['forward', app.origin], elsewhere);
    expect(refused).toMatchObject({ code: 1, stdout: '' });
    expect(refused.stderr).toContain('CF_ACCESS_ALLOWED_HOSTS');
    const forward = await startForward(program, app.origin, [], {
      environment: { CF_ACCESS_READ_ONLY: '1' },
    });
    const post = await ask(forward.local, '/', { method: 'POST', body: 'x' });
    expect(post).toMatchObject({ status: 403 });
    const socket = await sayRaw(
      forward.port,
      `GET / HTTP/1.1\r\nHost: 127.0.0.1:${forward.port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`,
    );
    expect(socket).toMatch(/^HTTP\/1\.1 403 /);
    expect(app.seen).toEqual([]);
    await forward.end();
    await app.close();
  });
});
