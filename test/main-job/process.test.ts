/** The process as a host sees it: what it does at start, and how it leaves (contract §1). */
import { readdir } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { type Sandbox, startSandbox } from '../../src/sandbox/sandbox.ts';
import { eventually, spawnServer, temporaryFolder } from '../support/mcp-server.ts';

let sandbox: Sandbox | undefined;
afterEach(async () => {
  await sandbox?.close();
  sandbox = undefined;
});

const initialize = {
  jsonrpc: '2.0',
  id: 1,
  method: 'initialize',
  params: {
    protocolVersion: '2025-11-25',
    capabilities: {},
    clientInfo: { name: 'bare', version: '1' },
  },
};

async function start(environment: Record<string, string> = {}) {
  const dataDir = await temporaryFolder();
  const child = spawnServer({
    HOME: dataDir,
    BROWSER: '/bin/true',
    CF_ACCESS_DATA_DIR: `${dataDir}/data`,
    CF_ACCESS_HEADLESS: '0',
    ...environment,
  });
  let out = '';
  let err = '';
  child.stdout.on('data', (chunk) => {
    out += chunk;
  });
  child.stderr.on('data', (chunk) => {
    err += chunk;
  });
  const say = (message: unknown) => child.stdin.write(`${JSON.stringify(message)}\n`);
  const answer = (id: number) =>
    eventually(() => {
      const line = out.split('\n').find((each) => each.includes(`"id":${id}`));
      return line && JSON.parse(line);
    });
  return { child, dataDir, say, answer, stdout: () => out, stderr: () => err };
}

/** Starts a sign-in that nobody finishes, and waits until its port is bound. */
async function waitingForPerson() {
  sandbox = await startSandbox();
  const port = 20_000 + Math.floor(Math.random() * 20_000);
  const server = await start({ CF_ACCESS_CALLBACK_PORT: String(port) });
  server.say(initialize);
  await server.answer(1);
  server.say({ jsonrpc: '2.0', method: 'notifications/initialized' });
  server.say({
    jsonrpc: '2.0',
    id: 2,
    method: 'tools/call',
    params: {
      name: 'authenticate',
      arguments: { url: sandbox.applications['managed-oauth'].url.href, wait_seconds: 600 },
    },
  });
  const pendings = () => readdir(`${server.dataDir}/data/pendings`).catch(() => []);
  await eventually(async () => ((await pendings()).length > 0 ? true : undefined));
  expect(await accepts(port)).toBe(true);
  return { ...server, port };
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection({ port, host: '127.0.0.1' });
    socket.on('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
}

describe('the server at start', () => {
  it('answers initialize and tools/list, writes no file, and says nothing on stderr', async () => {
    const { child, dataDir, say, answer, stderr } = await start();
    say(initialize);
    expect((await answer(1)).result.serverInfo.name).toBe('cloudflare-access-mcp');
    say({ jsonrpc: '2.0', id: 2, method: 'tools/list' });
    expect((await answer(2)).result.tools.map((tool: { name: string }) => tool.name)).toEqual([
      'detect_protection',
      'authenticate',
      'access_fetch',
      'get_token',
    ]);
    expect(await readdir(dataDir)).toEqual([]);
    expect(stderr()).toBe('');
    child.stdin.end();
    await child.ended;
  });

  it('goes on after a line that is no JSON', async () => {
    const { child, say, answer } = await start();
    child.stdin.write('this is not JSON\n');
    say(initialize);
    expect((await answer(1)).result).toBeDefined();
    child.stdin.end();
    await child.ended;
  });
});

describe('the server while a sign-in waits', () => {
  const leaving: [string, (server: Awaited<ReturnType<typeof waitingForPerson>>) => void][] = [
    ['the end of stdin', ({ child }) => child.stdin.end()],
    ['SIGTERM', ({ child }) => child.kill('SIGTERM')],
    ['SIGINT', ({ child }) => child.kill('SIGINT')],
    [
      'a closed stdout',
      ({ child, say }) => {
        child.stdout.destroy();
        say({ jsonrpc: '2.0', id: 3, method: 'tools/list' });
      },
    ],
  ];
  it.each(leaving)('ends within a second at %s, and frees its port and locks', async (_, leave) => {
    const server = await waitingForPerson();
    const startedAt = performance.now();
    leave(server);
    const [code] = await server.child.ended;
    expect(performance.now() - startedAt).toBeLessThan(1000);
    expect(code).toBe(0);
    expect(await accepts(server.port)).toBe(false);
    expect(await readdir(`${server.dataDir}/data/locks`)).toEqual([]);
    expect(await readdir(`${server.dataDir}/data/pendings`)).toHaveLength(1);
  });
});
