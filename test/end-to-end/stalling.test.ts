/** Answers that stop half way: each call ends in time, and lets its connection go. */
import { readdir, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import {
  eventually,
  startServer,
  type TestServer,
  temporaryFolder,
} from '../support/mcp-server.ts';

/** As many as the server opens to one origin. */
const connections = 64;
let server: TestServer;
let origin: Server;
let base: string;
let folder: string;
let open = 0;

beforeEach(async () => {
  open = 0;
  origin = createServer((request, response) => {
    open += 1;
    response.on('close', () => {
      open -= 1;
    });
    const stalls = { 'content-type': 'application/octet-stream', 'content-length': '1000000' };
    if (request.url === '/silent') return;
    if (request.url === '/stall') response.writeHead(200, stalls).write('begun');
    else if (request.url === '/packed') {
      response
        .writeHead(200, { ...stalls, 'content-encoding': 'gzip' })
        .write(Buffer.of(0x1f, 0x8b, 8, 0));
    } else response.end('here');
  });
  await new Promise<void>((resolve) => origin.listen(0, '127.0.0.1', resolve));
  base = `http://127.0.0.1:${(origin.address() as AddressInfo).port}`;
  folder = await temporaryFolder();
  server = await startServer({ cwd: folder });
});
afterEach(async () => {
  await server.close();
  origin.closeAllConnections();
  origin.close();
});

const fetchIt = (path: string, more: Record<string, unknown> = {}) =>
  server.call('access_fetch', { url: base + path, ...more });

it.each(['/stall', '/packed'])(
  'a file whose body stalls (%s) ends at timeout_seconds, and nothing of it stays',
  async (path) => {
    const { json } = await fetchIt(path, { save_to: 'new/file', timeout_seconds: 1 });
    expect(json.error?.code).toBe('timeout');
    expect(await readdir(folder)).toEqual([]);
    await eventually(() => (open === 0 ? true : undefined));
  },
);

it('a file that cannot be made keeps no connection', async () => {
  await writeFile(join(folder, 'taken'), '');
  for (let count = 0; count <= connections; count += 1) {
    const { json } = await fetchIt('/stall', { save_to: 'taken/file', timeout_seconds: 20 });
    expect(json.error?.code).toBe('save_refused');
  }
  await eventually(() => (open === 0 ? true : undefined));
});

it('a call that waits for a connection ends at timeout_seconds, and is never sent', async () => {
  const silent = Array.from({ length: connections }, () =>
    fetchIt('/silent', { timeout_seconds: 5 }),
  );
  await eventually(() => (open === connections ? true : undefined));
  expect((await fetchIt('/', { timeout_seconds: 1 })).json.error?.code).toBe('timeout');
  expect(open).toBe(connections);
  await Promise.all(silent);
  expect((await fetchIt('/')).body).toBe('here');
});
