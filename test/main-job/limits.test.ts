/** What has no end, or unpacks to what has none: bounded in time and in the server's own memory. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createGzip } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startServer, type TestServer } from '../support/mcp-server.ts';

const mebibyte = 1024 * 1024;
let server: TestServer;
let origin: Server;
let base: string;

/** Sends `chunk` for as long as somebody reads. */
function endlessly(response: NodeJS.WritableStream & { destroyed?: boolean }, chunk: Buffer): void {
  const go = () => {
    while (!response.destroyed && response.write(chunk));
  };
  response.on('drain', go).on('error', () => {});
  go();
}

const pages: Record<string, (response: ServerResponse) => void> = {
  '/bomb': (response) => {
    response.writeHead(200, { 'content-type': 'text/plain', 'content-encoding': 'gzip' });
    const gzip = createGzip({ level: 9 });
    gzip.pipe(response);
    response.on('close', () => gzip.destroy());
    endlessly(gzip, Buffer.alloc(mebibyte, 'a'));
  },
  '/endless': (response) => {
    response.writeHead(200, { 'content-type': 'text/plain' });
    endlessly(response, Buffer.alloc(mebibyte, 'b'));
  },
  '/endless-html': (response) => {
    response.writeHead(200, { 'content-type': 'text/html' });
    endlessly(response, Buffer.from('<div><i><b>'.repeat(10_000)));
  },
  '/events': (response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    const timer = setInterval(() => response.write('data: tick\n\n'), 50);
    response.on('close', () => clearInterval(timer));
  },
  '/comments': (response) => {
    response.writeHead(200).end(`${'<!---->'.repeat(60)}x`);
  },
  '/emphasis': (response) => {
    response.writeHead(200, { 'content-type': 'text/html' });
    response.end(`<p>${'<em>'.repeat(60)}x`);
  },
  '/silent': () => {},
  '/headers': (response) => {
    response.writeHead(200, { 'x-flood': 'f'.repeat(200_000) });
    response.end('never read');
  },
  '/loop': (response) => response.writeHead(302, { location: '/loop' }).end(),
  '/redirects': (response) =>
    response.writeHead(302, { location: `/redirects?${Math.random()}` }).end(),
};

beforeAll(async () => {
  origin = createServer((request, response) => {
    response.on('error', () => {});
    pages[new URL(request.url ?? '/', 'http://x').pathname]?.(response);
  });
  await new Promise<void>((resolve) => origin.listen(0, '127.0.0.1', resolve));
  base = `http://127.0.0.1:${(origin.address() as AddressInfo).port}`;
  server = await startServer();
  // Loads what every call needs, so that only the page's own cost is measured below.
  await server.call('access_fetch', { url: `${base}/loop` });
});
afterAll(async () => {
  await server.close();
  origin.closeAllConnections();
  origin.close();
});

const status = () => `/proc/${server.pid}/status`;
const kibibytes = (name: string) =>
  Number(new RegExp(`${name}:\\s+(\\d+)`).exec(readFileSync(status(), 'utf8'))?.[1]);

/** Calls, and tells by how many MiB the server's memory rose meanwhile, and the seconds it took. */
async function measured(path: string, more: Record<string, unknown> = {}) {
  const linux = existsSync(status());
  // 5 sets the peak back to what is in use now (proc_pid_clear_refs(5)).
  if (linux) writeFileSync(`/proc/${server.pid}/clear_refs`, '5');
  const before = linux ? kibibytes('VmRSS') : 0;
  const startedAt = performance.now();
  const answer = await server.call('access_fetch', { url: base + path, ...more });
  return {
    answer,
    seconds: (performance.now() - startedAt) / 1000,
    grownMib: linux ? (kibibytes('VmHWM') - before) / 1024 : 0,
  };
}

describe('a body without end', () => {
  it.each([
    ['that is compressed a thousandfold', '/bomb', 120],
    ['of plain text', '/endless', 120],
    ['of tags that are never closed', '/endless-html', 600],
  ])('%s is cut, in little time and memory', async (_, path, mostMib) => {
    const { answer, seconds, grownMib } = await measured(path);
    expect(answer.json).toMatchObject({ status: 200, truncated: true });
    expect(seconds).toBeLessThan(20);
    expect(grownMib).toBeLessThan(mostMib);
  });

  it('of events gives what came by timeout_seconds, marked truncated', async () => {
    const { answer, seconds, grownMib } = await measured('/events', { timeout_seconds: 1 });
    expect(answer.json).toMatchObject({ status: 200, truncated: true });
    expect(answer.body).toContain('data: tick');
    expect(seconds).toBeGreaterThan(0.9);
    expect(seconds).toBeLessThan(5);
    expect(grownMib).toBeLessThan(40);
  });
});

describe('a small body that is costly to read', () => {
  it.each([
    ['of comments, without a type', '/comments'],
    ['of emphasis in emphasis', '/emphasis'],
  ])('%s leaves the server free to answer others', async (_, path) => {
    const { answer, seconds } = await measured(path);
    expect(answer.json).toMatchObject({ status: 200 });
    expect(seconds).toBeLessThan(5);
  });
});

describe('an answer without a usable head', () => {
  it.each([
    ['that never comes', '/silent', { timeout_seconds: 1 }, 'timeout'],
    ['with 200 kB of fields', '/headers', {}, 'response_too_large'],
    ['that redirects to itself', '/loop', {}, 'redirect_refused'],
    ['that redirects for ever', '/redirects', {}, 'redirect_refused'],
  ])('%s ends in its error', async (_, path, more, code) => {
    const { answer, seconds, grownMib } = await measured(path, more);
    expect(answer.json.error?.code).toBe(code);
    expect(seconds).toBeLessThan(5);
    expect(grownMib).toBeLessThan(40);
  });
});

it('afterwards the server answers as before', async () => {
  expect((await server.call('access_fetch', { url: `${base}/loop` })).json.error?.code).toBe(
    'redirect_refused',
  );
});
