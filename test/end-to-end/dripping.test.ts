/** Peers that never come to an end: every question to them ends in time, and other calls go on. */

import type { AddressInfo } from 'node:net';
import { createServer, type Server, type Socket } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { startServer } from '../support/mcp-server.ts';

const ending: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end();
});

async function listen(peer: (socket: Socket, request: string) => void): Promise<string> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {}).on('close', () => sockets.delete(socket));
    socket.on('data', (data) => peer(socket, data.toString('latin1')));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  ending.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** A byte now and then, for ever. */
function drip(socket: Socket, begun: string): void {
  socket.write(begun);
  const timer = setInterval(() => socket.write('x'), 500);
  socket.on('close', () => clearInterval(timer));
}

const refusal = `HTTP/1.1 403 Forbidden\r\ncf-access-aud: ${'c'.repeat(64)}\r\ncf-access-domain: wiki.example.com\r\n`;

it('a call ends with timeout and the host, while others are answered', {
  timeout: 90_000,
}, async () => {
  const head = await listen((socket) => drip(socket, 'HTTP/1.1 200 OK\r\nx-slow: '));
  const body = await listen((socket) => drip(socket, `${refusal}content-length: 100000\r\n\r\n`));
  const withPair = await listen((socket, request) => {
    if (/cf-access-client-secret/i.test(request)) {
      drip(socket, `${refusal}content-length: 100000\r\n\r\n`);
    } else socket.write(`${refusal}content-length: 0\r\n\r\n`);
  });
  const silent = await listen(() => {});
  const quick = await listen((socket) => {
    socket.write('HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nhere');
  });
  const server = await startServer({
    environment: {
      CF_ACCESS_CLIENT_ID: `${'a'.repeat(32)}.access`,
      CF_ACCESS_CLIENT_SECRET: `cfast_${'b'.repeat(48)}`,
      HTTPS_PROXY: `http://${silent}`,
    },
  });
  ending.push(() => server.close());
  const asked: [tool: string, url: string, more?: Record<string, unknown>][] = [
    ['detect_protection', `http://${head}/`],
    ['authenticate', `http://${head}/`],
    ['get_token', `http://${head}/`],
    ['authenticate', `http://${body}/`],
    ['get_token', `http://${body}/`],
    ['authenticate', `http://${withPair}/`, { method: 'service_token' }],
    ['get_token', `http://${withPair}/`],
    ['authenticate', `https://${silent}/`],
    ['authenticate', 'https://app.example.test/'],
  ];
  const startedAt = performance.now();
  const calls = asked.map(async ([tool, url, more]) => {
    const { json } = await server.call(tool, { url, ...more }, 80_000);
    const { host } = new URL(url);
    return {
      call: `${tool} ${url}`,
      code: json.error?.code,
      named: json.error?.message.includes(host),
      inTime: performance.now() - startedAt < 40_000,
    };
  });
  const { body: text } = await server.call('access_fetch', { url: `http://${quick}/` });
  expect(text).toBe('here');
  expect(performance.now() - startedAt).toBeLessThan(10_000);
  expect(await Promise.all(calls)).toEqual(
    asked.map(([tool, url]) => ({
      call: `${tool} ${url}`,
      code: 'timeout',
      named: true,
      inTime: true,
    })),
  );
});
