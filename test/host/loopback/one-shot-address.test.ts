/** The address that a browser is started with: what uses it up, and what it never answers. */
import { get, request } from 'node:http';
import { connect, createServer, type Socket } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { connectionOwner } from '../../../src/host/loopback/connection-owner.ts';
import { bindLoopback, type LoopbackServer } from '../../../src/host/loopback/loopback-server.ts';
import {
  createOneShotAddresses,
  type OneShotAddress,
} from '../../../src/host/loopback/one-shot-address.ts';
import { eventually } from '../../support/mcp-server.ts';
import { recordingLog } from '../log.ts';

const target = new URL(
  'https://team.example.com/authorize?state=s3cret&redirect_uri=http%3A%2F%2Flocalhost%3A8400%2Fcallback',
);
const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function lead(
  options: {
    callbackServer?: LoopbackServer;
    owner?: typeof connectionOwner;
    lifetimeMs?: number;
  } = {},
): Promise<OneShotAddress> {
  const { callbackServer, ...others } = options;
  const addresses = createOneShotAddresses({
    callbackServer: (port) => (port === 8400 ? callbackServer : undefined),
    log: recordingLog().log,
    ...others,
  });
  const address = await addresses.leadTo(target);
  if (address === undefined) throw new Error('no port');
  closing.push(() => address.close());
  return address;
}

interface Got {
  readonly status: number;
  readonly location: string | undefined;
  readonly body: string;
}

function ask(url: URL, headers: Record<string, string> = {}, method = 'GET'): Promise<Got> {
  return new Promise((resolve, reject) => {
    const asked = request(url, { method, headers, agent: false }, (answer) => {
      let body = '';
      answer.setEncoding('utf8');
      answer.on('data', (part) => {
        body += part;
      });
      answer.on('end', () =>
        resolve({ status: answer.statusCode ?? 0, location: answer.headers.location, body }),
      );
    });
    asked.on('error', reject);
    asked.end();
  });
}

const browsers = {
  'sec-fetch-site': 'none',
  'sec-fetch-mode': 'navigate',
  'sec-fetch-dest': 'document',
  'sec-fetch-user': '?1',
};

test('leads a browser on, once; then its server is gone', async () => {
  const { url, used } = await lead();
  expect(await ask(url, browsers)).toMatchObject({ status: 302, location: target.href });
  await used;
  await expect(ask(url, browsers)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
});

test('a command waits for the browser that it has started, but not for one that never comes', async () => {
  const started = async (patienceMs: number) => {
    const addresses = createOneShotAddresses({
      callbackServer: () => undefined,
      log: recordingLog().log,
      patienceMs,
    });
    const address = await addresses.leadTo(target);
    if (address === undefined) throw new Error('no port');
    closing.push(() => address.close());
    const settled = addresses.settled(new AbortController().signal).then(() => 'settled');
    return { address, settled };
  };
  const late = await started(60_000);
  const never = await started(0);
  expect(await Promise.race([late.settled, never.settled.then(() => 'given up')])).toBe('given up');
  expect((await ask(late.address.url, browsers)).status).toBe(302);
  expect(await late.settled).toBe('settled');
});

test('leads a program on that stands for a browser and fetches as Node does', async () => {
  const { url } = await lead();
  const { status, headers } = await fetch(url, { redirect: 'manual' });
  expect({ status, location: headers.get('location') }).toEqual({
    status: 302,
    location: target.href,
  });
});

test.each<[string, Record<string, string>, string?]>([
  ['a link scanner’s HEAD', {}, 'HEAD'],
  ['a form’s POST', {}, 'POST'],
  ['another page’s link', { ...browsers, 'sec-fetch-site': 'cross-site' }],
  ['a page on another port', { ...browsers, 'sec-fetch-site': 'same-site' }],
  ['an image', { ...browsers, 'sec-fetch-dest': 'image', 'sec-fetch-mode': 'no-cors' }],
  ['a frame', { ...browsers, 'sec-fetch-dest': 'iframe' }],
  ['a script', { origin: 'https://evil.example' }],
  ['a prefetcher', { ...browsers, 'sec-purpose': 'prefetch' }],
  ['Firefox’ prefetcher', { 'x-moz': 'prefetch' }],
  ['a rebound name', { host: 'evil.example' }],
])('%s is refused and does not use it up', async (_, headers, method = 'GET') => {
  const { url } = await lead();
  const refused = await ask(url, headers, method);
  expect(refused.status).toBeGreaterThanOrEqual(400);
  expect(refused.location).toBeUndefined();
  expect(await ask(url, browsers)).toMatchObject({ status: 302, location: target.href });
});

test('is of a random path: no other on the port leads anywhere', async () => {
  const { url } = await lead();
  for (const path of ['/', '/open/', '/callback', `${url.pathname}x`, url.pathname.slice(0, -1)]) {
    expect(await ask(new URL(path, url))).toMatchObject({ status: 404, location: undefined });
  }
});

test('of two at the same time one is led on', async () => {
  const { url } = await lead();
  const answers = await Promise.allSettled([ask(url), ask(url), ask(url)]);
  const led = answers.filter((each) => each.status === 'fulfilled' && each.value.location);
  expect(led).toHaveLength(1);
});

test('where the system does not tell the user, it still leads on once alone', async () => {
  const { url } = await lead({ owner: async () => 'unknown' });
  expect(await ask(url, browsers)).toMatchObject({ status: 302 });
  await expect(ask(url, browsers)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
});

test('stands on the callback’s own port where that is ours, and tells who comes later', async () => {
  const server = await bindLoopback(0, async () => ({ status: 200, body: 'callback' }));
  if (server === undefined) throw new Error('no port');
  closing.push(() => server.close(0));
  const { url } = await lead({ callbackServer: server });
  expect(url.port).toBe(String(server.port));
  expect(await ask(url, browsers)).toMatchObject({ status: 302 });
  const later = await ask(url, browsers);
  expect(later).toMatchObject({ status: 410, location: undefined });
  expect(later.body).toContain('already been used');
  expect(await ask(new URL('/callback', url))).toMatchObject({ status: 200, body: 'callback' });
});

test('when its time is over it is gone, unused', async () => {
  const { url } = await lead({ lifetimeMs: 100 });
  // A connection that is open at that moment is reset; the next one is refused.
  const failure = () => ask(url, {}, 'HEAD').then(() => undefined, String);
  await eventually(async () => ((await failure())?.includes('ECONNREFUSED') ? true : undefined));
});

test.skipIf(process.platform !== 'linux')(
  'the socket table tells whose a connection is',
  async () => {
    const server = createServer();
    for (const host of ['127.0.0.1', '::1']) {
      await new Promise<void>((resolve) => server.listen(0, host, resolve));
      const { port } = server.address() as { port: number };
      const accepted = new Promise<Socket>((resolve) => server.once('connection', resolve));
      const client = connect({ port, host });
      const socket = await accepted;
      const own = process.getuid?.() ?? 0;
      expect(await connectionOwner(socket)).toBe('own');
      expect(await connectionOwner(socket, { userId: own + 1 })).toBe('other');
      expect(await connectionOwner(socket, { tables: '/nowhere' })).toBe('unknown');
      // Half closed by the other side, or not there at all: no answer is owed to it.
      const seen = {
        remoteAddress: socket.remoteAddress,
        remotePort: socket.remotePort,
        localAddress: socket.localAddress,
        localPort: socket.localPort,
      };
      const gone = { ...seen, remoteAddress: '127.0.0.2' };
      expect(await connectionOwner(gone)).toBe('other');
      // In WSL it may be Windows' browser, whose user Linux does not know.
      const kernel = '5.15.167.4-microsoft-standard-WSL2';
      expect(await connectionOwner(gone, { kernel })).toBe('unknown');
      expect(await connectionOwner(socket, { kernel })).toBe('own');
      client.end();
      await new Promise((resolve) => socket.once('end', resolve).resume());
      expect(await connectionOwner(seen)).toBe('other');
      client.destroy();
      socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    }
  },
);

test('asks as node’s own client does: no browser’s fields at all (a text browser)', async () => {
  const { url } = await lead();
  const status = await new Promise<number | undefined>((resolve) => {
    get(url, { agent: false }, (answer) => resolve(answer.resume().statusCode));
  });
  expect(status).toBe(302);
});
