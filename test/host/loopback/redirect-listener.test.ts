import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders, request, type Server } from 'node:http';
import { type AddressInfo, connect, createServer as createTcpServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createClock } from '../../../src/host/clock.ts';
import { createIdentityKey } from '../../../src/host/files/identity-key.ts';
import {
  createRedirectListener,
  type LoopbackListener,
} from '../../../src/host/loopback/redirect-listener.ts';
import { proveIdentity } from '../../../src/host/loopback/sibling.ts';
import type { OnCallback } from '../../../src/session/ports.ts';
import { recordingLog } from '../log.ts';
import { bundleProgram, type Running, start } from '../processes.ts';

const root = mkdtempSync(join(tmpdir(), 'listener-'));
const { log, entries } = recordingLog();
let program: string;
let listener: LoopbackListener;
const ending: (() => Promise<unknown>)[] = [];

const identityOf = (name: string): (() => Promise<Uint8Array>) =>
  createIdentityKey({ dataDir: join(root, name), log });

beforeAll(async () => {
  program = await bundleProgram('holder', root);
});
beforeEach(() => {
  entries.length = 0;
  listener = make('person');
});
afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end();
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

function make(person: string): LoopbackListener {
  const made = createRedirectListener({ identityKey: identityOf(person), log });
  ending.push(() => made.close());
  return made;
}

interface Got {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

function fetchFrom(
  port: number,
  path: string,
  options: { host?: string; method?: string; headers?: Record<string, string> } = {},
): Promise<Got> {
  const { host = '127.0.0.1', method = 'GET', headers = { host: `localhost:${port}` } } = options;
  return new Promise((resolve, reject) => {
    request({ host, port, path, method, headers, agent: false }, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (part: string) => {
        body += part;
      });
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body }),
      );
      response.on('error', reject);
    })
      .on('error', reject)
      .end();
  });
}

/** Answers for `state` alone. */
const answering =
  (state: string, application = `${state}.example`): OnCallback =>
  async (parameters) =>
    parameters.get('state') === state
      ? { status: 'signed_in', application }
      : { status: 'not_ours' };

async function isFree(port: number, host = '127.0.0.1'): Promise<boolean> {
  const server = createTcpServer();
  return await new Promise((resolve) => {
    server.once('error', () => resolve(false));
    server.listen(port, host, () => server.close(() => resolve(true)));
  });
}

/** A stranger's server on one address; gives its port. */
async function stranger(
  host: string,
  port = 0,
  handler: Parameters<typeof createServer>[1] = (_, response) => void response.end('hello'),
): Promise<number> {
  const server: Server = createServer(handler);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  ending.push(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return (server.address() as AddressInfo).port;
}

async function sibling(person: string, port: number): Promise<Running & { said: string }> {
  const process = start(program, join(root, person), String(port));
  ending.push(async () => {
    process.child.kill('SIGKILL');
    await process.ended;
  });
  return { ...process, said: await process.line() };
}

describe('what is answered (contract §4.6)', () => {
  test('the callback, on 127.0.0.1 and ::1, under each of its names', async () => {
    const { port, held } = await listener.claim([0], answering('s1'));
    expect(held()).toBe(true);
    for (const [host, name] of [
      ['127.0.0.1', `localhost:${port}`],
      ['127.0.0.1', `127.0.0.1:${port}`],
      ['::1', `[::1]:${port}`],
      ['::1', `LOCALHOST:${port}`],
    ] as const) {
      const got = await fetchFrom(port, '/callback?state=s1&code=c', {
        host,
        headers: { host: name },
      });
      expect(got.status).toBe(200);
      expect(got.body).toContain('s1.example');
      expect(got.headers).toMatchObject({
        'content-type': 'text/html; charset=utf-8',
        'cache-control': 'no-store',
        'referrer-policy': 'no-referrer',
        'x-content-type-options': 'nosniff',
        connection: 'close',
      });
      expect(got.headers['content-security-policy']).toMatch(/^default-src 'none'/);
    }
  });

  test('nothing that came through another name (DNS rebinding)', async () => {
    let asked = 0;
    const { port } = await listener.claim([0], async () => {
      asked += 1;
      return { status: 'not_ours' };
    });
    for (const host of [
      `evil.example:${port}`,
      'localhost',
      `localhost:${port + 1}`,
      `localhost:${port}.evil.example`,
      `localhost.:${port}`,
    ]) {
      const got = await fetchFrom(port, '/callback?state=s1&identify=0123456789abcdef', {
        headers: { host },
      });
      expect([host, got.status]).toEqual([host, 421]);
      expect(got.headers['content-type']).toMatch(/^text\/plain/);
      expect(got.body).not.toContain('evil');
    }
    expect(asked).toBe(0);
  });

  test.each([
    ['GET', '/', 404],
    ['GET', '/favicon.ico', 404],
    ['GET', '/callback/', 404],
    ['GET', '/callback/../callback', 404],
    ['GET', '//callback', 404],
    ['GET', 'http://localhost/callback', 404],
    ['POST', '/callback', 405],
    ['HEAD', '/callback', 405],
    ['OPTIONS', '/callback', 405],
    ['PUT', '/other', 404],
  ])('%s %s is a static %d', async (method, path, status) => {
    let asked = 0;
    const { port } = await listener.claim([0], async () => {
      asked += 1;
      return { status: 'not_ours' };
    });
    const got = await fetchFrom(port, path, { method });
    expect(got.status).toBe(status);
    expect(got.headers['content-type']).toMatch(/^text\/plain/);
    expect(asked).toBe(0);
  });

  test('a foreign state gets the neutral page, and the listener keeps waiting (contract §4.5)', async () => {
    const { port } = await listener.claim([0], answering('s1'));
    const got = await fetchFrom(port, '/callback?state=%3Cscript%3E&error=%3Cscript%3E');
    expect(got.status).toBe(400);
    expect(got.body).toContain('No sign-in is waiting');
    expect(got.body).not.toContain('script');
    expect((await fetchFrom(port, '/callback?state=s1')).status).toBe(200);
  });

  test('an error in our handling is a static page without its words, and the listener lives on', async () => {
    const { port } = await listener.claim([0], async (parameters) => {
      if (parameters.has('boom')) throw new Error('inner words');
      return { status: 'signed_in' };
    });
    const got = await fetchFrom(port, '/callback?boom=1');
    expect(got.status).toBe(500);
    expect(got.body).not.toContain('inner words');
    expect(got.headers['content-security-policy']).toMatch(/^default-src 'none'/);
    expect(entries.map(({ level }) => level)).toContain('error');
    expect((await fetchFrom(port, '/callback')).status).toBe(200);
  });

  test('a browser that sends many cookies for localhost is heard', async () => {
    const { port } = await listener.claim([0], answering('s1'));
    const headers = { host: `localhost:${port}`, cookie: `a=${'x'.repeat(40_000)}` };
    expect((await fetchFrom(port, '/callback?state=s1', { headers })).status).toBe(200);
    const endless = { host: `localhost:${port}`, cookie: `a=${'x'.repeat(200_000)}` };
    const got = await fetchFrom(port, '/callback?state=s1', { headers: endless }).catch(() => null);
    expect(got?.status ?? 431).toBe(431);
  });

  test('connections that say nothing do not keep the browser out', async () => {
    const { port } = await listener.claim([0], answering('s1'));
    const idle = Array.from({ length: 30 }, () => connect(port, '127.0.0.1'));
    try {
      for (const socket of idle) socket.write('GET /callback HTTP/1.1\r\n');
      expect((await fetchFrom(port, '/callback?state=s1')).status).toBe(200);
    } finally {
      for (const socket of idle) socket.destroy();
    }
  });
});

describe('several sign-ins in one process', () => {
  test('share a port; each callback goes to its own, in whatever order', async () => {
    const one = await listener.claim([0], answering('s1'));
    const two = await listener.claim([0], answering('s2'));
    expect(two.port).toBe(one.port);
    expect((await fetchFrom(one.port, '/callback?state=s2')).body).toContain('s2.example');
    expect((await fetchFrom(one.port, '/callback?state=s1')).body).toContain('s1.example');
    await one.release();
    expect((await fetchFrom(one.port, '/callback?state=s2')).status).toBe(200);
    expect((await fetchFrom(one.port, '/callback?state=s1')).status).toBe(400);
    expect([one.held(), two.held()]).toEqual([false, true]);
    await one.release();
    expect(await isFree(two.port)).toBe(false);
    await two.release();
    expect([await isFree(two.port), await isFree(two.port, '::1')]).toEqual([true, true]);
  });

  test('one that breaks does not keep the callback from another', async () => {
    await listener.claim([0], async () => {
      throw new Error('broken');
    });
    const { port } = await listener.claim([0], answering('s2'));
    expect((await fetchFrom(port, '/callback?state=s2')).status).toBe(200);
  });

  test('claims at the same moment share a port too', async () => {
    const claims = await Promise.all([1, 2, 3].map((n) => listener.claim([0], answering(`s${n}`))));
    expect(new Set(claims.map(({ port }) => port)).size).toBe(1);
    await Promise.all(claims.map(({ release }) => release()));
    expect(await isFree(claims[0]?.port ?? 0)).toBe(true);
  });

  test('the port can be claimed again after its release', async () => {
    const { port, release } = await listener.claim([0], answering('s1'));
    const releasing = release();
    const again = await listener.claim([port], answering('s2'));
    await releasing;
    expect(again.port).toBe(port);
    expect((await fetchFrom(port, '/callback?state=s2')).status).toBe(200);
  });
});

describe('the end', () => {
  /** The callback has been asked for, and its page takes a while. */
  async function latePage() {
    let finish = (): void => {};
    const called = new Promise<void>((resolve) => {
      finish = resolve;
    });
    const claim = await listener.claim([0], async () => {
      finish();
      await createClock().sleep(60);
      return { status: 'signed_in', application: 'late.example' };
    });
    const page = fetchFrom(claim.port, '/callback');
    await called;
    return { claim, page };
  }

  test('the page that is on its way arrives, though the last claim is released before', async () => {
    const { claim, page } = await latePage();
    await claim.release();
    expect((await page).body).toContain('late.example');
    expect(await isFree(claim.port)).toBe(true);
  });

  test('the same for the end of the program, if it gives time', async () => {
    const { claim, page } = await latePage();
    await listener.close(10_000);
    expect((await page).body).toContain('late.example');
    expect(await isFree(claim.port)).toBe(true);
  });

  test('a handler that waits for its own release does not wait for ever', async () => {
    const claim = await listener.claim([0], async () => {
      await claim.release();
      return { status: 'signed_in' };
    });
    const from = performance.now();
    await fetchFrom(claim.port, '/callback').catch(() => {});
    expect(performance.now() - from).toBeLessThan(2_000);
    expect(await isFree(claim.port)).toBe(true);
  });

  test('close is immediate, whoever is connected', async () => {
    const claim = await listener.claim([0], () => new Promise(() => {}));
    const page = fetchFrom(claim.port, '/callback').catch((error: Error) => error.message);
    const idle = connect(claim.port, '127.0.0.1');
    idle.on('error', () => {});
    await new Promise((resolve) => idle.once('connect', resolve));
    const from = performance.now();
    await listener.close();
    expect(performance.now() - from).toBeLessThan(2_000);
    expect(await page).toMatch(/hang up|reset/i);
    expect(await isFree(claim.port)).toBe(true);
    expect(claim.held()).toBe(false);
  });
});

describe('who else is on the port', () => {
  test('a stranger: the next one is claimed', async () => {
    const taken = await stranger('127.0.0.1');
    const { port } = await listener.claim([taken, 0], answering('s1'));
    expect(port).not.toBe(taken);
    expect(await isFree(taken, '::1')).toBe(true);
  });

  test('a stranger on ::1 alone, where browsers would go first: the next one, and 127.0.0.1 is let go', async () => {
    const taken = await stranger('::1');
    const { port } = await listener.claim([taken, 0], answering('s1'));
    expect(port).not.toBe(taken);
    expect(await isFree(taken)).toBe(true);
  });

  test('strangers everywhere: callback_port_unavailable names the ports and the variable', async () => {
    const ports = [await stranger('127.0.0.1'), await stranger('::1')];
    await expect(listener.claim(ports, answering('s1'))).rejects.toMatchObject({
      code: 'callback_port_unavailable',
      message: expect.stringContaining(ports.join(', ')),
      nextStep: expect.arrayContaining([
        {
          do: 'set_variables',
          variables: [{ name: 'CF_ACCESS_CALLBACK_PORT', to: 'a free port' }],
        },
      ]),
    });
    expect(await isFree(ports[1] ?? 0)).toBe(true);
  });

  test.each<[string, Parameters<typeof createServer>[1]]>([
    ['echoes the nonce', (request, response) => void response.end(request.url?.split('=')[1])],
    ['never answers', () => {}],
    [
      'never stops',
      (_, response) => {
        response.writeHead(200);
        const more = (): void =>
          void (response.writable && response.write('x'.repeat(1_000), more));
        more();
      },
    ],
    ['redirects', (_, response) => void response.writeHead(302, { location: '/' }).end()],
    ['hangs up', (request) => void request.socket.destroy()],
    [
      'switches protocols unasked',
      ({ socket }) =>
        void socket.end(
          'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n',
        ),
    ],
    ['speaks no HTTP', (request) => void request.socket.end('SSH-2.0-example\r\n')],
  ])('a stranger that %s is one, within ten seconds', async (_, handler) => {
    const taken = await stranger('127.0.0.1', 0, handler);
    const from = performance.now();
    await expect(listener.claim([taken], answering('s1'))).rejects.toMatchObject({
      code: 'callback_port_unavailable',
    });
    expect(performance.now() - from).toBeLessThan(10_000);
  });

  test('a stranger that has a sibling on another port answer for it is one', async () => {
    const { port: honest } = await make('person').claim([0], answering('other'));
    const taken = await stranger('127.0.0.1', 0, async (request, response) => {
      const got = await fetchFrom(honest, request.url ?? '');
      response.writeHead(got.status).end(got.body);
    });
    await expect(listener.claim([taken], answering('s1'))).rejects.toMatchObject({
      code: 'callback_port_unavailable',
    });
  });

  test('another person’s process is a stranger', async () => {
    const { port } = await make('somebody else').claim([0], answering('other'));
    await expect(listener.claim([port], answering('s1'))).rejects.toMatchObject({
      code: 'callback_port_unavailable',
    });
  });

  test('the identity endpoint reveals nothing and answers only nonces', async () => {
    const { port } = await listener.claim([0], answering('s1'));
    const nonce = 'n'.repeat(32);
    const got = await fetchFrom(port, `/callback?identify=${nonce}`);
    expect(got.body).toBe(proveIdentity(await identityOf('person')(), port, nonce));
    expect(got.headers['content-type']).toMatch(/^text\/plain/);
    for (const bad of ['', 'short', 'x'.repeat(100), '%3Cscript%3E0123456789']) {
      const refused = await fetchFrom(port, `/callback?identify=${bad}`);
      expect(refused.status).toBe(400);
      expect(refused.body).toBe('That is not a nonce.\n');
    }
  });
});

describe('siblings: processes of the same person', () => {
  test('a port that one holds is claimed but not held, and taken over when it dies', async () => {
    const first = await sibling('person', 0);
    const [verb, number] = first.said.split(' ');
    expect(verb).toBe('held');
    const port = Number(number);
    const claim = await listener.claim([port, 0], answering('s1'));
    expect(claim.port).toBe(port);
    expect(claim.held()).toBe(false);
    expect(await claim.takeOver()).toBe(false);
    expect((await fetchFrom(port, '/callback?state=s1')).body).toContain('process-');
    first.child.kill('SIGKILL');
    await first.ended;
    expect(await claim.takeOver()).toBe(true);
    expect(claim.held()).toBe(true);
    expect((await fetchFrom(port, '/callback?state=s1')).body).toContain('s1.example');
    expect(await claim.takeOver()).toBe(true);
  });

  test('one that is just closing resets who asks it, and is no stranger', async () => {
    const asked = { times: 0 };
    const closing = createServer((request) => {
      request.socket.resetAndDestroy();
      asked.times += 1;
      // Both addresses are asked at once, and only one of them is bound here.
      if (asked.times === 2) closing.close();
    });
    await new Promise<void>((resolve) => closing.listen(0, '127.0.0.1', resolve));
    const { port } = closing.address() as AddressInfo;
    const claim = await listener.claim([port], answering('s1'));
    expect([claim.port, claim.held(), asked.times]).toEqual([port, true, 2]);
  });

  test('one that is busy for longer than a question waits is no stranger', async () => {
    const key = await identityOf('person')();
    const taken = await stranger('127.0.0.1', 0, (request, response) => {
      const { searchParams } = new URL(request.url ?? '', 'http://localhost');
      const proof = proveIdentity(key, taken, searchParams.get('identify') ?? '');
      setTimeout(() => response.end(proof), asked ? 0 : 1_500);
      asked = true;
    });
    let asked = false;
    const claim = await listener.claim([taken], answering('s1'));
    expect([claim.port, claim.held()]).toEqual([taken, false]);
  });

  test('a claim that was released takes nothing over', async () => {
    const first = await sibling('person', 0);
    const claim = await listener.claim([Number(first.said.split(' ')[1])], answering('s1'));
    await claim.release();
    first.child.kill('SIGKILL');
    await first.ended;
    expect(await claim.takeOver()).toBe(false);
    expect(await isFree(claim.port)).toBe(true);
  });

  test('of four that start at once on a fresh folder, one holds the port and the others wait', async () => {
    const port = await stranger('127.0.0.1');
    await ending.pop()?.();
    const said = (await Promise.all([1, 2, 3, 4].map(() => sibling('fresh', port)))).map(
      (process) => process.said,
    );
    expect(said.sort()).toEqual([`held ${port}`, ...Array(3).fill(`waiting ${port}`)]);
  });
});
