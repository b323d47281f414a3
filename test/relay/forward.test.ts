/** `forward`, the built program between real clients and a guarded edge (contract §6). */
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { createServer, get, request as httpRequest, type IncomingMessage } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { startSandbox } from '../../src/sandbox/sandbox.ts';
import { createProgram, type Program } from '../cli/program.ts';
import { ask, type Forwarding, startForward } from '../support/forwarding.ts';
import { type Behind, type GuardedEdge, startGuardedEdge } from '../support/guarded-edge.ts';
import { visit } from '../support/hostile-matrix.ts';
import { sayRaw } from '../support/hostile-origin.ts';
import { eventually } from '../support/mcp-server.ts';

const run = promisify(execFile);

let program: Program;
let edge: GuardedEdge;
let forward: Forwarding;

beforeEach(async () => {
  program = await createProgram();
});
afterEach(async () => {
  const code = await forward?.end();
  await edge?.close();
  await program.remove();
  expect(code).toBe(0);
});

/** Signed in, with nothing noted yet. */
async function warm(behind: Behind, args: readonly string[] = []): Promise<void> {
  edge = await startGuardedEdge(behind);
  const login = program.start(['login', edge.origin]);
  await visit((await eventually(async () => (await program.opened())[0])) as string);
  expect((await login.ended).code).toBe(0);
  edge.requests.length = 0;
  forward = await startForward(program, edge.origin, args);
}

const echo: Behind = {
  onRequest(request, response) {
    const parts: Buffer[] = [];
    request.on('data', (part) => parts.push(part));
    request.on('end', () => {
      response.setHeader('content-type', 'application/json');
      response.end(
        JSON.stringify({
          method: request.method,
          target: request.url,
          fields: request.rawHeaders,
          body: Buffer.concat(parts).toString('latin1'),
        }),
      );
    });
  },
};

/** The names in lower case, the last value of each. */
function seenFields(): Record<string, string> {
  const raw = edge.requests.at(-1)?.rawHeaders ?? [];
  return Object.fromEntries(
    raw.flatMap((name, at) => (at % 2 === 0 ? [[name.toLowerCase(), raw[at + 1] ?? '']] : [])),
  );
}

describe('a warm request', () => {
  it('is exactly one request at the edge, with the credential, and none of it is local', async () => {
    await warm(echo);
    const { status, body, headers } = await ask(forward.local, '/a?b=c');
    expect(status).toBe(200);
    expect(edge.requests).toHaveLength(1);
    expect(seenFields().authorization).toMatch(/^Bearer oauth:/);
    expect(JSON.parse(body)).toMatchObject({ method: 'GET', target: '/a?b=c' });
    const local = JSON.stringify(headers) + body;
    for (const secret of edge.issued) expect(local).not.toContain(secret);
    // The origin has echoed it: covered in the same length, so that Content-Length is true.
    expect(Number(headers['content-length'] ?? body.length)).toBe(body.length);
  });

  it.each([
    ['a plain path', '/a'],
    ['percent-encoding as it is', '/%41%2f%e4?%20=%2B'],
    ['dot segments', '/a/../b/./c'],
    ['doubled slashes', '//a///b'],
    ['what URL parsers encode', '/a|b^c`d{e}"f?q=\'"<>'],
    ['an empty query', '/a?'],
  ])('keeps the path byte for byte: %s', async (_, path) => {
    await warm(echo);
    const text = await sayRaw(
      forward.port,
      Buffer.from(
        `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${forward.port}\r\nConnection: close\r\n\r\n`,
        'latin1',
      ),
    );
    expect(text).toMatch(/^HTTP\/1\.1 200 /);
    expect(edge.requests.at(-1)?.target).toBe(path);
  });

  it('passes any method and its body on, with its length or in chunks as it came', async () => {
    await warm(echo);
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'PROPFIND', 'REPORT']) {
      const whole = await ask(forward.local, '/', {
        method,
        body: 'body',
        headers: { 'content-length': 4 },
      });
      expect(JSON.parse(whole.body)).toMatchObject({ method, body: 'body' });
      expect(seenFields()).toMatchObject({ 'content-length': '4' });
      const chunked = await ask(forward.local, '/', {
        method,
        body: 'body',
        headers: { 'transfer-encoding': 'chunked' },
      });
      expect(JSON.parse(chunked.body)).toMatchObject({ method, body: 'body' });
    }
  });

  it('keeps HEAD, 204 and 304 without a body, and says what the origin said', async () => {
    await warm({
      onRequest(request, response) {
        const status = Number(request.url?.slice(1));
        response.writeHead(status, 'As It Likes', { 'x-own': 'yes', etag: '"1"' });
        response.end(status === 200 && request.method !== 'HEAD' ? 'body' : undefined);
      },
    });
    const head = await ask(forward.local, '/200', { method: 'HEAD' });
    expect(head).toMatchObject({ status: 200, reason: 'As It Likes', body: '' });
    expect(await ask(forward.local, '/204')).toMatchObject({ status: 204, body: '' });
    const same = await ask(forward.local, '/304', { headers: { 'if-none-match': '"1"' } });
    expect(same).toMatchObject({ status: 304, body: '', headers: { 'x-own': 'yes' } });
  });

  it('passes trailers and early hints on (RFC 9110 §6.5, RFC 8297)', async () => {
    await warm({
      onRequest(_, response) {
        response.writeEarlyHints({ link: `<${edge.origin}/style.css>; rel=preload; as=style` });
        response.writeHead(200, { trailer: 'checksum' });
        response.write('body');
        response.addTrailers({ checksum: 'abc' });
        response.end();
      },
    });
    const asking = get(forward.local, { agent: false });
    const hints = once(asking, 'information');
    const [answer] = (await once(asking, 'response')) as [IncomingMessage];
    expect((await hints)[0]).toMatchObject({
      statusCode: 103,
      headers: { link: `<${forward.local}/style.css>; rel=preload; as=style` },
    });
    answer.resume();
    await once(answer, 'end');
    expect(answer.trailers).toEqual({ checksum: 'abc' });
    expect(answer.headers.trailer).toBe('checksum');
  });

  it('answers Expect: 100-continue when the origin is to have the body', async () => {
    await warm(echo);
    const asking = httpRequest(forward.local, {
      method: 'PUT',
      agent: false,
      headers: { expect: '100-continue', 'content-length': 4 },
    });
    asking.flushHeaders();
    await once(asking, 'continue');
    asking.end('body');
    const [answer] = (await once(asking, 'response')) as [IncomingMessage];
    answer.resume();
    expect(answer.statusCode).toBe(200);
    expect(seenFields().expect).toBeUndefined();
  });
});

describe('fields', () => {
  it('of one connection end here (RFC 9110 §7.6.1), and those of Cloudflare are not the client’s', async () => {
    await warm(echo);
    await ask(forward.local, '/', {
      headers: {
        connection: 'keep-alive, X-Mine, Authorization',
        'x-mine': 'hop',
        'keep-alive': 'timeout=5',
        'proxy-authorization': 'Basic x',
        te: 'trailers, deflate',
        'cf-access-client-id': 'mine',
        cf_access_jwt_assertion: 'mine',
        'CF-Connecting-IP': '1.2.3.4',
        cookie: 'a=1; CF_Authorization=mine; ~__Host-b=2; CF_AppSession=x',
        referer: `${forward.local}/page`,
        origin: forward.local,
        'x-kept': 'yes',
      },
    });
    const fields = seenFields();
    for (const name of Object.keys(fields))
      expect(name).not.toMatch(/^(?:cf[-_]|proxy-|keep-alive|x-mine)/);
    expect(fields).toMatchObject({
      te: 'trailers',
      cookie: 'a=1; __Host-b=2',
      referer: `${edge.origin}/page`,
      origin: edge.origin,
      'x-kept': 'yes',
      host: new URL(edge.origin).host,
    });
    expect(fields.via).toMatch(/^1\.1 cloudflare-access-mcp-/);
  });

  it('keep their order, case and repetition both ways', async () => {
    await warm({
      onRequest(_, response) {
        response.sendDate = false;
        response.writeHead(200, ['X-B', '1', 'X-A', '2', 'X-B', '3', 'Content-Length', '0']);
        response.end();
      },
    });
    const raw = await sayRaw(
      forward.port,
      `GET / HTTP/1.1\r\nHost: 127.0.0.1:${forward.port}\r\nX-Z: 1\r\nx-y: 2\r\nX-Z: 3\r\nConnection: close\r\n\r\n`,
    );
    expect(edge.requests.at(-1)?.rawHeaders.join(' ')).toContain('X-Z 1 x-y 2 X-Z 3');
    expect(raw).toContain('X-B: 1\r\nX-A: 2\r\nX-B: 3\r\nContent-Length: 0\r\n');
  });

  it('that name the origin name the local address, and cookies fit it', async () => {
    await warm({
      onRequest(_, response) {
        response.writeHead(
          302,
          [
            ['Location', `${edge.origin}/next?at=${edge.origin}/x`],
            ['Content-Location', `//localhost:${edge.port}/here`],
            ['WWW-Authenticate', `Bearer realm="${edge.origin}/token",service="registry"`],
            ['Link', `<${edge.origin}/2>; rel="next", <https://elsewhere.example/>; rel="x"`],
            [
              'Set-Cookie',
              'a=1; Path=/; Domain=localhost; Secure; HttpOnly; SameSite=None; Partitioned',
            ],
            ['Set-Cookie', '__Host-b=2; Path=/; Secure; SameSite=Lax'],
            ['Set-Cookie', 'CF_Authorization=eyJ; Path=/; Secure'],
            ['Set-Cookie', 'CF_AppSession=x'],
            ['Cf-Access-Jwt-Assertion', 'eyJ'],
            ['Alt-Svc', 'h3=":443"'],
            ['Strict-Transport-Security', 'max-age=1'],
          ].flat(),
        );
        response.end();
      },
    });
    const { headers } = await ask(forward.local, '/');
    expect(headers).toMatchObject({
      location: `${forward.local}/next?at=${edge.origin}/x`,
      'content-location': `${forward.local}/here`,
      'www-authenticate': `Bearer realm="${forward.local}/token",service="registry"`,
      link: `<${forward.local}/2>; rel="next", <https://elsewhere.example/>; rel="x"`,
      'set-cookie': ['a=1; Path=/; HttpOnly', '~__Host-b=2; Path=/; SameSite=Lax'],
    });
    for (const name of ['cf-access-jwt-assertion', 'alt-svc', 'strict-transport-security']) {
      expect(headers).not.toHaveProperty(name);
    }
  });
});

describe('streams', () => {
  it('hands on each event as it comes, and ends the origin’s stream when the client leaves', async () => {
    let count = 0;
    let ended = false;
    await warm({
      onRequest(_, response) {
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        response.flushHeaders();
        response.once('close', () => {
          ended = true;
        });
        const next = () => {
          if (!response.destroyed) response.write(`data: ${count++}\n\n`);
        };
        edge.authorizationServer.twists.page = () => {
          next();
          return { body: '' };
        };
      },
    });
    const asking = get(forward.local, { agent: false });
    // The head is there before the first event.
    const [answer] = (await once(asking, 'response')) as [IncomingMessage];
    for (let at = 0; at < 3; at += 1) {
      const token = edge.authorizationServer.admit();
      const heard = once(answer, 'data');
      await fetch(edge.authorizationServer.origin, {
        headers: { authorization: `Bearer ${token}` },
      });
      expect(String((await heard)[0])).toBe(`data: ${at}\n\n`);
    }
    asking.destroy();
    await eventually(() => ended || undefined);
  });

  it('is no faster than its reader, either way', async () => {
    const total = 256 * 1024 * 1024;
    let written = 0;
    await warm({
      onRequest(request, response) {
        if (request.method === 'PUT') return; // never read
        const block = Buffer.alloc(1024 * 1024);
        const write = () => {
          while (written < total) {
            written += block.length;
            if (!response.write(block)) return void response.once('drain', write);
          }
          response.end();
        };
        write();
      },
    });
    const { hostname, port } = new URL(forward.local);
    const socket = connect({ host: hostname, port: Number(port) });
    socket.write(`GET / HTTP/1.1\r\nHost: ${hostname}:${port}\r\n\r\n`);
    let before = -1;
    // Nothing is read: what is written comes to rest long before the end.
    await eventually(async () => {
      const now = written;
      const rests = now > 0 && now === before;
      before = now;
      await sleep(200);
      return rests || undefined;
    });
    expect(written).toBeLessThan(total / 4);
    socket.destroy();

    const up = connect({ host: hostname, port: Number(port) });
    up.on('error', () => {});
    up.write(`PUT / HTTP/1.1\r\nHost: ${hostname}:${port}\r\nContent-Length: ${total}\r\n\r\n`);
    const block = Buffer.alloc(1024 * 1024);
    while (up.bytesWritten < total / 2 && up.write(block));
    await sleep(500);
    expect(up.bytesWritten).toBeLessThan(total / 4);
    up.destroy();
  });

  it('breaks off for the client when the origin does, and leaves the others alone', async () => {
    await warm({
      onRequest(request, response) {
        if (request.url === '/fine') return void response.end('fine');
        response.writeHead(200, request.url === '/length' ? { 'content-length': 100 } : {});
        response.write('half');
        setImmediate(() => response.socket?.resetAndDestroy());
      },
    });
    for (const path of ['/length', '/chunks']) {
      await expect(ask(forward.local, path)).rejects.toThrow(/aborted|ECONNRESET|hang up/);
    }
    expect(await ask(forward.local, '/fine')).toMatchObject({ status: 200, body: 'fine' });
  });

  it('ends the upload at the origin when the client leaves in the middle', async () => {
    let broken = false;
    await warm({
      onRequest(request) {
        request.resume();
        request.once('close', () => {
          broken = !request.complete;
        });
      },
    });
    const { hostname, port } = new URL(forward.local);
    const socket = connect({ host: hostname, port: Number(port) });
    socket.write(
      `PUT / HTTP/1.1\r\nHost: ${hostname}:${port}\r\nContent-Length: 5000000\r\n\r\nbegin`,
    );
    await eventually(() => edge.requests.length === 1 || undefined);
    socket.destroy();
    await eventually(() => broken || undefined);
    await eventually(() => edge.connections.size === 0 || undefined);
  });
});

describe('an upgrade', () => {
  const handshake = (port: number, more = '') =>
    `GET /socket HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n${more}\r\n`;

  /** Echoes what comes, beginning with a greeting in the packet of the 101. */
  const echoing: Behind['onUpgrade'] = (_, socket, head) => {
    socket.write(
      'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSet-Cookie: CF_Authorization=x\r\n\r\ngreeting',
    );
    socket.write(head);
    socket.pipe(socket);
  };

  it('carries bytes both ways, with the credential on the handshake and the Origin of the remote', async () => {
    await warm({ onUpgrade: echoing });
    const heard = await sayRaw(
      forward.port,
      `${handshake(forward.port, `Origin: ${forward.local}\r\n`)}early`,
      { whole: /greetingearly$/ },
    );
    expect(heard).toMatch(/^HTTP\/1\.1 101 Switching Protocols\r\n/);
    expect(heard).toContain('Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=');
    expect(heard).not.toContain('CF_Authorization');
    expect(heard.split('\r\n\r\n')[1]).toBe('greetingearly');
    expect(edge.requests).toHaveLength(1);
    expect(seenFields()).toMatchObject({
      origin: edge.origin,
      authorization: expect.stringMatching(/^Bearer oauth:/),
      upgrade: 'websocket',
    });
    await eventually(() => edge.connections.size === 0 || undefined);
  });

  it('is met with a fresh credential after a challenge', async () => {
    await warm({ onUpgrade: echoing });
    edge.expire();
    const heard = await sayRaw(forward.port, handshake(forward.port), { whole: /greeting$/ });
    expect(heard).toMatch(/^HTTP\/1\.1 101 /);
    expect(edge.requests.map(({ admitted }) => admitted)).toEqual([false, true]);
  });

  it('that the origin refuses is an answer, and the local connection ends', async () => {
    await warm({
      onUpgrade: (_, socket) =>
        void socket.end('HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nnone'),
    });
    const heard = await sayRaw(forward.port, handshake(forward.port));
    expect(heard).toMatch(/^HTTP\/1\.1 404 Not Found\r\n/);
    expect(heard).toMatch(/\r\n\r\nnone$/);
  });

  it('leaves nothing open for clients that left before they were answered', async () => {
    await warm({ ...echo, onUpgrade: echoing });
    const handles = async () =>
      (await readdir(`/proc/${forward.running.child.pid}/fd`).catch(() => [])).length;
    const before = await handles();
    const leave = (text: string) =>
      new Promise((resolve) => {
        const socket = connect(forward.port, '127.0.0.1', () => {
          socket.write(text, () => socket.resetAndDestroy());
        });
        socket.on('error', () => {});
        socket.once('close', resolve);
      });
    const plain = `GET / HTTP/1.1\r\nHost: 127.0.0.1:${forward.port}\r\n\r\n`;
    for (const text of [handshake(forward.port), plain]) {
      await Promise.all(Array.from({ length: 40 }, () => leave(text)));
    }
    await eventually(async () => (await handles()) <= before + 3 || undefined);
    await eventually(() => edge.connections.size <= 3 || undefined);
  });

  it('to another protocol is ignored, with its body too', async () => {
    await warm(echo);
    const heard = await sayRaw(
      forward.port,
      `POST /a HTTP/1.1\r\nHost: 127.0.0.1:${forward.port}\r\nConnection: Upgrade, HTTP2-Settings, X-Hop\r\nUpgrade: h2c\r\nHTTP2-Settings: AAM\r\nX-Hop: 1\r\nContent-Length: 4\r\n\r\nbody`,
      { whole: /"body":"body"/ },
    );
    expect(heard).toMatch(/^HTTP\/1\.1 200 /);
    expect(heard).toContain('"body":"body"');
    for (const name of ['upgrade', 'http2-settings', 'x-hop']) {
      expect(seenFields()).not.toHaveProperty(name);
    }
  });
});

describe('who may ask', () => {
  it.each([
    ['another name for 127.0.0.1 (DNS rebinding)', { host: 'evil.example' }, 421],
    ['the right name with another port', { host: 'localhost:1' }, 421],
    ['a page of another origin', { origin: 'https://evil.example' }, 403],
    ['a page that hides its origin', { origin: 'null' }, 403],
    ['a page of another port of this machine', { 'sec-fetch-site': 'same-site' }, 403],
    [
      'an image on another site',
      { 'sec-fetch-site': 'cross-site', 'sec-fetch-dest': 'image' },
      403,
    ],
    ['a page of a browser without Fetch Metadata', { referer: 'http://evil.example/page' }, 403],
  ])('not %s', async (_, headers, status) => {
    await warm(echo);
    const answer = await ask(forward.local, '/', { headers });
    expect(answer.status).toBe(status);
    expect(Object.keys(answer.headers).join()).not.toContain('access-control');
    expect(edge.requests).toEqual([]);
  });

  it('not a request for two hosts', async () => {
    await warm(echo);
    const own = `127.0.0.1:${forward.port}`;
    const heard = await sayRaw(
      forward.port,
      `GET / HTTP/1.1\r\nHost: ${own}\r\nhost: evil.example\r\nConnection: close\r\n\r\n`,
    );
    expect(heard).toMatch(/^HTTP\/1\.1 400 /);
    expect(edge.requests).toEqual([]);
  });

  it('not a preflight for private network access', async () => {
    await warm(echo);
    const { status, headers } = await ask(forward.local, '/', {
      method: 'OPTIONS',
      headers: {
        origin: 'https://evil.example',
        'access-control-request-method': 'GET',
        'access-control-request-private-network': 'true',
      },
    });
    expect(status).toBe(403);
    expect(headers).not.toHaveProperty('access-control-allow-private-network');
    expect(edge.requests).toEqual([]);
  });

  it('its own pages, and programs that name it in any of its ways', async () => {
    await warm(echo);
    const { port } = forward;
    for (const host of [`127.0.0.1:${port}`, `localhost:${port}`, `[::1]:${port}`]) {
      const own = { host, origin: `http://${host}`, 'sec-fetch-site': 'same-origin' };
      expect(await ask(forward.local, '/', { headers: own })).toMatchObject({ status: 200 });
    }
    expect(await ask(`http://[::1]:${port}`, '/')).toMatchObject({ status: 200 });
    const absolute = `GET http://127.0.0.1:${port}/a HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nConnection: close\r\n\r\n`;
    expect(await sayRaw(port, absolute)).toMatch(/^HTTP\/1\.1 200 /);
    expect(edge.requests.at(-1)?.target).toBe('/a');
  });

  it.runIf(process.platform === 'linux' && process.getuid?.() === 0)(
    'not another user of this machine',
    async () => {
      await warm(echo);
      const { stdout } = await run(
        'curl',
        ['--silent', '--write-out', '%{http_code}', `${forward.local}/`],
        { uid: 65_534, gid: 65_534 },
      );
      expect(stdout).toMatch(/another user.*\n403$/s);
      expect(edge.requests).toEqual([]);
    },
  );

  it.each([
    ['Access’s own pages', '/cdn-cgi/access/cli?token=x', 403],
    ['nor in another spelling', '/cdn-cgi%2Faccess/logout', 403],
    ['nor behind a dot segment', '/x/../cdn-cgi/access/logout', 403],
    ['addresses elsewhere', 'http://evil.example/', 421],
    ['a fragment', '/a#b', 400],
    ['a backslash', '/a\\..\\b', 400],
  ])('nobody for %s', async (_, target, status) => {
    await warm(echo);
    const heard = await sayRaw(
      forward.port,
      `GET ${target} HTTP/1.1\r\nHost: 127.0.0.1:${forward.port}\r\nConnection: close\r\n\r\n`,
    );
    expect(heard).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(edge.requests).toEqual([]);
  });

  it('nobody for TRACE, and a relay that leads to itself ends', async () => {
    await warm(echo);
    expect(await ask(forward.local, '/', { method: 'TRACE' })).toMatchObject({ status: 405 });
    expect(edge.requests).toEqual([]);
  });
});

describe('a challenge', () => {
  it('is met by a refresh, and a small body is sent again', async () => {
    await warm(echo);
    edge.expire();
    const { status, body } = await ask(forward.local, '/', {
      method: 'POST',
      body: 'x'.repeat(100_000),
    });
    expect(status).toBe(200);
    expect(JSON.parse(body).body).toHaveLength(100_000);
    expect(edge.requests.map(({ admitted }) => admitted)).toEqual([false, true]);
  });

  it('in the middle of a large body is a clear 503, and the next request goes through', async () => {
    await warm(echo);
    edge.expire();
    const large = Buffer.alloc(3_000_000, 'x');
    const refused = await ask(forward.local, '/', { method: 'PUT', body: large });
    expect(refused).toMatchObject({ status: 503, headers: { 'retry-after': '1' } });
    expect(refused.body).toMatch(/large body.*\nSend the request again/);
    await eventually(() => edge.connections.size === 0 || undefined);
    expect(await ask(forward.local, '/', { method: 'PUT', body: large })).toMatchObject({
      status: 200,
    });
  });

  it('opens the browser once for many requests, which wait and go through', async () => {
    edge = await startGuardedEdge(echo);
    forward = await startForward(program, edge.origin);
    const asked = Array.from({ length: 8 }, (_, at) => ask(forward.local, `/${at}`));
    const address = await eventually(async () => (await program.opened())[0]);
    await visit(address);
    for (const answer of await Promise.all(asked)) expect(answer.status).toBe(200);
    expect(await program.opened()).toHaveLength(1);
  });

  it('answers a browser’s request too, whose challenge Access words in another way', async () => {
    edge = await startGuardedEdge(echo);
    forward = await startForward(program, edge.origin);
    const asked = ask(forward.local, '/', {
      headers: { accept: 'text/html', 'sec-fetch-site': 'none', 'sec-fetch-mode': 'navigate' },
    });
    await visit(await eventually(async () => (await program.opened())[0]));
    expect(await asked).toMatchObject({ status: 200 });
  });

  it('that nobody meets in time is 503 with Retry-After and the address in the body', async () => {
    edge = await startGuardedEdge(echo);
    forward = await startForward(program, edge.origin, ['--wait', '0.5']);
    const answer = await ask(forward.local, '/');
    expect(answer).toMatchObject({
      status: 503,
      headers: {
        'retry-after': '5',
        'content-type': 'text/plain; charset=utf-8',
        'proxy-status': 'cloudflare-access-mcp; details="sign_in_pending"',
      },
    });
    const address =
      /http:\/\/localhost:\d+\/oauth\/authorization\?\S+/.exec(answer.body)?.[0] ?? '';
    await visit(address);
    expect(await ask(forward.local, '/')).toMatchObject({ status: 200 });
    expect(await program.opened()).toHaveLength(1);
  });

  it('before a body that cannot be sent twice is met before a byte of it is sent', async () => {
    edge = await startGuardedEdge(echo);
    forward = await startForward(program, edge.origin, ['--wait', '0.5']);
    const { stdout } = await run('curl', [
      '--silent',
      '--write-out',
      '%{http_code} %{size_upload}',
      '--header',
      'expect: 100-continue',
      '--expect100-timeout',
      '30',
      '--request',
      'PUT',
      '--header',
      'transfer-encoding: chunked',
      '--data-binary',
      `@${process.execPath}`,
      forward.local,
    ]);
    expect(stdout).toMatch(/503 0$/);
    expect(edge.requests.map(({ method }) => method)).not.toContain('PUT');
  });

  it('that the person does not want to meet does not open a browser again', async () => {
    edge = await startGuardedEdge(echo);
    edge.authorizationServer.twists.authorization = ({ query }) => ({
      status: 302,
      headers: {
        location: `${query.get('redirect_uri')}?error=access_denied&state=${query.get('state')}`,
      },
    });
    forward = await startForward(program, edge.origin);
    const asked = ask(forward.local, '/');
    await visit(await eventually(async () => (await program.opened())[0]));
    expect((await asked).status).toBeGreaterThanOrEqual(400);
    const again = await ask(forward.local, '/');
    expect(again.status).toBeGreaterThanOrEqual(400);
    expect(await program.opened()).toHaveLength(1);
  });
});

describe('a credential for a part of the origin', () => {
  it('does not go where a path holds a “..”, whoever resolves it', async () => {
    const sandbox = await startSandbox();
    onTestFinished(() => sandbox.close());
    const { url } = sandbox.applications['managed-oauth-path'];
    edge = await startGuardedEdge({});
    const login = program.start(['login', `${url.href}admin`]);
    await program.signIn(sandbox.people[0] ?? '');
    expect((await login.ended).code).toBe(0);
    forward = await startForward(program, url.origin);
    expect(await ask(forward.local, '/admin')).toMatchObject({ status: 200 });
    sandbox.clearRequests();
    expect(await ask(forward.local, '/x/../admin')).toMatchObject({ status: 400 });
    expect(await ask(forward.local, '/x/%2E%2e/admin')).toMatchObject({ status: 400 });
    expect(sandbox.requests.length).toBeGreaterThan(0);
    for (const { headers } of sandbox.requests) expect(headers).not.toHaveProperty('authorization');
  });
});

describe('its address', () => {
  it('is the port that was asked for, or a clear message', async () => {
    const holder = createServer().listen(0, '127.0.0.1');
    await once(holder, 'listening');
    const { port } = holder.address() as AddressInfo;
    edge = await startGuardedEdge(echo);
    const refused = await program.run(['forward', edge.origin, '--port', String(port)]);
    expect(refused).toMatchObject({ code: 1, stdout: '' });
    expect(refused.stderr).toContain(`Port ${port} cannot be used: another program`);
    holder.close();
    await once(holder, 'close');
    forward = await startForward(program, edge.origin, ['--port', String(port)]);
    expect(forward.port).toBe(port);
  });

  it('stands for an origin: a path, plain http and an unknown host are told', async () => {
    edge = await startGuardedEdge(echo);
    const path = await program.run(['forward', `${edge.origin}/a`]);
    expect(path).toMatchObject({ code: 2, stdout: '' });
    expect(path.stderr).toContain(`Run it again with ${edge.origin}`);
    expect(await program.run(['forward', 'http://internal.example'])).toMatchObject({ code: 2 });
    forward = await startForward(program, 'https://no-such-host.invalid');
    const answer = await ask(forward.local, '/');
    expect(answer.status).toBe(502);
    expect(answer.body).toContain('no-such-host.invalid');
  });
});
