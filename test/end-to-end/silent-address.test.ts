/**
 * A host with two addresses, of which the first neither accepts a connection nor refuses it: it gets a
 * second, in which a satellite or a busy machine would have answered, and then the other one is tried.
 * Node's own quarter of a second would give both up.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createProgram } from '../cli/program.ts';
import { startServer } from '../support/mcp-server.ts';

let application: Server;
let silent: ChildProcess;
const waiting: Socket[] = [];
let url: string;
let arrivedAt: number;

beforeEach(async () => {
  application = createServer((_request, response) => {
    arrivedAt = performance.now();
    response.end('the page');
  });
  await new Promise<void>((resolve) => application.listen(0, '::1', resolve));
  const { port } = application.address() as AddressInfo;
  url = `http://localhost:${port}/`;
  const listen = `require('node:net').createServer().listen({ port: ${port}, host: '127.0.0.1', backlog: 1 }, () => console.log('ready'))`;
  silent = spawn(process.execPath, ['-e', listen], { stdio: ['ignore', 'pipe', 'inherit'] });
  if (silent.stdout) await once(silent.stdout, 'data');
  // It takes no connection any more; once its queue is full, Linux drops what comes.
  silent.kill('SIGSTOP');
  for (let count = 0; count < 4; count += 1) waiting.push(connect(port, '127.0.0.1'));
  for (const socket of waiting) socket.on('error', () => {});
  await Promise.all(waiting.slice(0, 2).map((socket) => once(socket, 'connect')));
});
afterEach(async () => {
  for (const socket of waiting.splice(0)) socket.destroy();
  silent.kill('SIGKILL');
  application.closeAllConnections();
  await new Promise((resolve) => application.close(resolve));
});

const shortestMs = 950;

it.skipIf(process.platform !== 'linux')('is waited for by the server', async () => {
  const server = await startServer();
  try {
    await server.call('detect_protection', { url: 'http://localhost:1/' }); // loads the code
    const from = performance.now();
    const { json } = await server.call('access_fetch', { url });
    expect(json).toMatchObject({ status: 200 });
    expect(arrivedAt - from).toBeGreaterThan(shortestMs);
  } finally {
    await server.close();
  }
});

it.skipIf(process.platform !== 'linux')('is waited for by a command', async () => {
  const program = await createProgram();
  try {
    const from = performance.now();
    const { stdout, stderr } = await program.run(['fetch', url]);
    expect(stdout, stderr).toBe('the page');
    expect(arrivedAt - from).toBeGreaterThan(shortestMs);
  } finally {
    await program.remove();
  }
});
