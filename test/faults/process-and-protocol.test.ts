/**
 * Faults of the process and of its host (contract §1): lines that are no messages, hosts that leave at
 * any moment, answers of theirs that make no sense. Some rows have a server of their own.
 */
import { execFileSync } from 'node:child_process';
import { chmod, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ElicitRequestSchema, ListRootsRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import { expect } from 'vitest';
import { freePort } from '../support/callback-port.ts';
import { eventually, matrix, type Row, visit, type World } from '../support/hostile-matrix.ts';
import { silence } from '../support/hostile-origin.ts';
import {
  spawnServer,
  startServer,
  type TestServerOptions,
  type ToolAnswer,
  temporaryFolder,
} from '../support/mcp-server.ts';

/** A result of no call, for rows that speak to a bare process. */
const none: ToolAnswer = { isError: false, json: {}, body: '', content: [], structured: undefined };

/** A server without a client library: what is said to it is what stands here. */
async function bareServer(world: World, environment: Record<string, string> = {}) {
  const place = await temporaryFolder();
  world.after(() => rm(place, { recursive: true, force: true }));
  const dataDir = join(place, 'data');
  const child = spawnServer({
    HOME: place,
    BROWSER: '/bin/true',
    CF_ACCESS_DATA_DIR: dataDir,
    CF_ACCESS_CALLBACK_PORT: String(await freePort()),
    CF_ACCESS_HEADLESS: '0',
    ...environment,
  });
  world.after(() => child.kill('SIGKILL'));
  const heard = { out: '', err: '' };
  child.stdout.on('data', (part) => {
    heard.out += part;
  });
  child.stderr.on('data', (part) => {
    heard.err += part;
  });
  child.stdin.on('error', () => {});
  const say = (message: unknown) =>
    child.stdin.write(typeof message === 'string' ? message : `${JSON.stringify(message)}\n`);
  const answer = (id: number) =>
    eventually(() => {
      const line = heard.out.split('\n').find((one) => one.includes(`"id":${id}`));
      return line && JSON.parse(line);
    });
  const call = (id: number, name: string, args: unknown) =>
    say({ jsonrpc: '2.0', id, method: 'tools/call', params: { name, arguments: args } });
  const initialize = async () => {
    say({
      jsonrpc: '2.0',
      id: 1,
      method: 'initialize',
      params: {
        protocolVersion: '2025-11-25',
        capabilities: {},
        clientInfo: { name: 'bare', version: '1' },
      },
    });
    await answer(1);
    say({ jsonrpc: '2.0', method: 'notifications/initialized' });
  };
  return { child, place, dataDir, heard, say, answer, call, initialize };
}

type Bare = Awaited<ReturnType<typeof bareServer>>;

/** What is said must not end the server, and what follows is answered. */
function survives(fault: string, say: (server: Bare) => unknown): Row {
  return {
    fault,
    code: null,
    run: async (world) => {
      const server = await bareServer(world);
      await say(server);
      if (!server.heard.out.includes('"id":1,')) await server.initialize();
      server.say({ jsonrpc: '2.0', id: 77, method: 'tools/list' });
      const listed = await server.answer(77);
      return {
        answer: none,
        far: () => {
          expect(listed.result.tools).toHaveLength(4);
          for (const line of server.heard.out.split('\n').filter((one) => one !== '')) {
            expect(JSON.parse(line)).toMatchObject({ jsonrpc: '2.0' });
          }
        },
      };
    },
  };
}

/** Left by `leave` in this state, the process ends within a second and leaves no lock behind. */
function leaves(
  fault: string,
  state: (server: Bare, world: World) => Promise<unknown>,
  leave: (server: Bare) => unknown = ({ child }) => child.kill('SIGTERM'),
): Row {
  return {
    fault,
    code: null,
    run: async (world) => {
      const server = await bareServer(world);
      await state(server, world);
      const at = performance.now();
      leave(server);
      const [code] = await server.child.ended;
      const tookMs = performance.now() - at;
      return {
        answer: none,
        far: async () => {
          expect(code).toBe(0);
          // A second, and some more for a machine that runs other tests too.
          expect(tookMs).toBeLessThan(2_500);
          expect(await readdir(join(server.dataDir, 'locks')).catch(() => [])).toEqual([]);
          const names = await readdir(server.place, { recursive: true });
          expect(names.filter((name) => /\.(tmp|partial)$|curl\.conf/.test(name))).toEqual([]);
        },
      };
    },
  };
}

/** A host that declares a capability and then answers nonsense. */
function host(
  fault: string,
  options: TestServerOptions,
  run: (server: Awaited<ReturnType<typeof startServer>>, world: World) => Promise<ToolAnswer>,
  code: string | null = null,
  far: (answer: ToolAnswer) => unknown = () => {},
): Row {
  return {
    fault,
    code,
    run: async (world) => {
      const server = await startServer({
        ...options,
        environment: { CF_ACCESS_CALLBACK_PORT: String(await freePort()), ...options.environment },
      });
      world.after(() => server.close());
      const answer = await run(server, world);
      return {
        answer,
        far: async () => {
          await far(answer);
          expect((await server.client.listTools()).tools).toHaveLength(4);
        },
      };
    },
  };
}

const signIn = async (server: Bare, world: World, twists = {}) => {
  const app = await world.app(twists);
  await server.initialize();
  server.call(2, 'authenticate', { url: app.at('/'), wait_seconds: 0 });
  const { result } = await server.answer(2);
  const url = JSON.parse(result.content[0].text).authorization_url as string;
  return { app, url };
};

const elicits = (answer: () => unknown): TestServerOptions => ({
  capabilities: { elicitation: { url: {} } },
  prepare: (client) =>
    client.setRequestHandler(ElicitRequestSchema, async () => (await answer()) as never),
});
const withRoots = (roots: () => unknown, cwd: string): TestServerOptions => ({
  cwd,
  capabilities: { roots: {} },
  prepare: (client) => client.setRequestHandler(ListRootsRequestSchema, () => roots() as never),
});
const askSignIn = async (server: Awaited<ReturnType<typeof startServer>>, world: World) => {
  const app = await world.app();
  const answer = await server.call('authenticate', { url: app.at('/'), wait_seconds: 1 });
  expect(answer.json).toMatchObject({ status: 'pending' });
  return answer;
};
const saveInCwd = async (server: Awaited<ReturnType<typeof startServer>>, world: World) => {
  const origin = await world.origin(() => ({ body: 'saved' }));
  return server.call('access_fetch', { url: origin.at('/'), save_to: 'file' });
};
const working = await temporaryFolder();
const freshFolder = async () => {
  await rm(join(working, 'file'), { force: true });
};

const rows: Row[] = [
  survives('lines that are no JSON, and no text', ({ child, say }) => {
    say('this is not JSON\n\n{"jsonrpc":\n[]\nnull\n42\n"x"\n');
    child.stdin.write(Buffer.from([0xff, 0xfe, 0x00, 0x0a]));
  }),
  survives('messages of another protocol, and a batch', ({ say }) => {
    say({ jsonrpc: '1.0', id: 5, method: 'tools/list' });
    say([{ jsonrpc: '2.0', id: 6, method: 'tools/list' }]);
    say({ id: 8 });
  }),
  survives('JSON nested two hundred thousand deep', ({ say }) => say(`${'['.repeat(200_000)}\n`)),
  survives('a line of 5 MB', ({ say }) => say(`"${'x'.repeat(5_000_000)}"\n`)),
  {
    fault:
      'a line of 20 MB, beyond what the SDK takes: the server leaves, and no call waits for ever',
    code: null,
    run: async (world) => {
      const server = await bareServer(world);
      await server.initialize();
      server.say(`"${'x'.repeat(20_000_000)}"\n`);
      const [code] = await server.child.ended;
      return { answer: none, far: () => expect(code).toBe(0) };
    },
  },
  survives('a call of no tool, of a property of objects, and of no name', async (server) => {
    await server.initialize();
    for (const [at, name] of ['nothing', 'constructor', '__proto__', undefined].entries()) {
      server.say({ jsonrpc: '2.0', id: 20 + at, method: 'tools/call', params: { name } });
      expect((await server.answer(20 + at)).error).toBeDefined();
    }
  }),
  survives('arguments that are no object', async (server) => {
    await server.initialize();
    server.call(30, 'access_fetch', [1, 2]);
    expect(
      (await server.answer(30)).error ?? (await server.answer(30)).result.isError,
    ).toBeTruthy();
    server.call(31, 'access_fetch', JSON.parse('{"__proto__":{"url":"http://localhost:1/"}}'));
    expect((await server.answer(31)).result.isError).toBe(true);
  }),
  survives('answers and cancellations of what was never asked', async (server) => {
    await server.initialize();
    server.say({ jsonrpc: '2.0', id: 999, result: {} });
    server.say({ jsonrpc: '2.0', id: 'x', error: { code: 1, message: 'x' } });
    server.say({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 12345 } });
    server.say({ jsonrpc: '2.0', method: 'notifications/none' });
  }),
  survives('stderr closed by the host', async (server) => {
    server.child.stderr.destroy();
    await server.initialize();
    server.say('no JSON\n');
  }),
  {
    fault: 'a hundred calls at once: each is answered',
    code: null,
    run: async (world) => {
      const origin = await world.origin();
      const answers = await Promise.all(
        Array.from({ length: 100 }, () => world.call('access_fetch', { url: origin.at('/') })),
      );
      return {
        answer: answers[0] ?? none,
        far: () => expect(answers.every(({ json }) => json.status === 200)).toBe(true),
      };
    },
  },
  {
    fault: 'a call that is cancelled while a person is waited for: the sign-in stays open',
    code: null,
    run: async (world) => {
      const app = await world.app();
      const controller = new AbortController();
      const cancelled = world.server.client
        .callTool(
          { name: 'authenticate', arguments: { url: app.at('/'), wait_seconds: 60 } },
          undefined,
          { signal: controller.signal },
        )
        .catch(() => 'cancelled');
      const url = await eventually(async () => (await world.openedAt(app))[0]);
      controller.abort();
      expect(await cancelled).toBe('cancelled');
      await visit(url);
      const answer = await world.call('authenticate', { url: app.at('/') });
      return {
        answer,
        far: () => expect(answer.json).toMatchObject({ status: 'authenticated' }),
      };
    },
  },
  leaves('SIGTERM after the handshake, with nothing loaded', ({ initialize }) => initialize()),
  leaves('SIGTERM while a sign-in waits', (server, world) => signIn(server, world)),
  leaves('SIGTERM while a code is redeemed', async (server, world) => {
    const { app, url } = await signIn(server, world, { token: () => silence });
    visit(url).catch(() => {});
    await eventually(() => app.of('/oauth/token')[0]);
  }),
  leaves('SIGTERM while a token is refreshed, the lock held', async (server, world) => {
    const { app, url } = await signIn(server, world);
    await visit(url);
    app.expire();
    app.twists.token = () => silence;
    server.call(3, 'access_fetch', { url: app.at('/') });
    await eventually(() => app.of('/oauth/token')[1]);
  }),
  leaves('SIGTERM while a client is registered', async (server, world) => {
    const app = await world.app({ registration: () => silence });
    await server.initialize();
    server.call(2, 'authenticate', { url: app.at('/') });
    await eventually(() => app.of('/oauth/registration')[0]);
  }),
  leaves(
    'the end of stdin while a page is fetched',
    async (server, world) => {
      const origin = await world.origin(() => silence);
      await server.initialize();
      server.call(2, 'access_fetch', { url: origin.at('/') });
      await eventually(() => origin.seen[0]);
    },
    ({ child }) => child.stdin.end(),
  ),
  leaves(
    'stdout closed by the host while a call runs',
    async (server, world) => {
      const origin = await world.origin();
      await server.initialize();
      server.child.stdout.destroy();
      server.call(2, 'access_fetch', { url: origin.at('/') });
    },
    ({ say }) => say({ jsonrpc: '2.0', id: 9, method: 'tools/list' }),
  ),
  leaves('SIGTERM with a token in a file of get_token', async (server, world) => {
    const { app, url } = await signIn(server, world);
    await visit(url);
    server.call(3, 'get_token', { url: app.at('/'), as: 'file' });
    const { result } = await server.answer(3);
    const file = JSON.parse(result.content[0].text).curl_config as string;
    expect(await readFile(file, 'utf8')).toContain('Authorization');
  }),
  {
    fault: 'SIGTERM amid a file that is saved: no part of it stays',
    code: null,
    run: async (world) => {
      const cwd = await temporaryFolder();
      world.after(() => rm(cwd, { recursive: true, force: true }));
      const origin = await world.origin(() => ({
        raw: (response) => {
          response.writeHead(200, { 'content-length': '1000000' });
          response.write('x'.repeat(500_000));
        },
      }));
      const server = await startServer({ cwd });
      world.after(() => server.close());
      server.call('access_fetch', { url: origin.at('/'), save_to: 'file' }).catch(() => {});
      await eventually(async () => ((await readdir(cwd)).length > 0 ? true : undefined));
      process.kill(server.pid, 'SIGTERM');
      const gone = await eventually(() => !isAlive(server.pid) || undefined, 2_000);
      return {
        answer: none,
        far: async () => {
          expect(gone).toBe(true);
          expect(await readdir(cwd)).toEqual([]);
        },
      };
    },
  },
  host(
    'a host whose elicitation fails: the browser is opened',
    elicits(() => Promise.reject(new Error('no'))),
    askSignIn,
  ),
  host(
    'a host that answers an elicitation with nonsense',
    elicits(() => ({ action: 'constructor' })),
    askSignIn,
  ),
  host(
    'a person who declines in the host: nobody is asked again',
    // As long as a person takes to read: what comes within 500 ms is the host's own answer.
    elicits(async () => {
      await sleep(1_000);
      return { action: 'decline' };
    }),
    async (server, world) => {
      const app = await world.app();
      return server.call('authenticate', { url: app.at('/'), wait_seconds: 20 });
    },
    'sign_in_declined',
  ),
  host(
    'a host whose roots fail: the working directory is left',
    withRoots(() => Promise.reject(new Error('no')), working),
    async (server, world) => {
      await freshFolder();
      return saveInCwd(server, world);
    },
  ),
  host(
    'roots that are no folders of this machine',
    withRoots(
      () => ({
        roots: [
          { uri: 'file://fileserver/share' },
          { uri: 'file:///a%2fb' },
          { uri: 'file:///proc/self/nothing' },
        ],
      }),
      working,
    ),
    async (server, world) => {
      await freshFolder();
      return saveInCwd(server, world);
    },
  ),
  {
    fault: 'the browser’s process gets none of our secrets in its environment (contract §4.9)',
    code: null,
    run: async (world) => {
      const place = await temporaryFolder();
      world.after(() => rm(place, { recursive: true, force: true }));
      const browser = join(place, 'browser');
      await writeFile(browser, `#!/bin/sh\nenv > '${place}/env'\n`);
      await chmod(browser, 0o755);
      const secret = `cfast_${'s'.repeat(48)}`;
      const server = await startServer({
        browser,
        environment: {
          CF_ACCESS_CALLBACK_PORT: String(await freePort()),
          CF_ACCESS_CLIENT_ID: `${'1'.repeat(32)}.access`,
          CF_ACCESS_CLIENT_SECRET: secret,
          NODE_OPTIONS: '--no-warnings',
        },
      });
      world.after(() => server.close());
      const app = await world.app();
      const answer = await server.call('authenticate', { url: app.at('/'), wait_seconds: 0 });
      const environment = await eventually(() =>
        readFile(join(place, 'env'), 'utf8').then(
          (text) => text || undefined,
          () => undefined,
        ),
      );
      return {
        answer,
        far: async () => {
          expect(environment).toContain('PATH=');
          expect(environment).not.toMatch(/CF_ACCESS|NODE_OPTIONS|cfast_/);
          expect(await readFile(`/proc/${server.pid}/cmdline`, 'utf8')).not.toContain('cfast_');
          expect(execFileSync('ps', ['-eo', 'args'], { encoding: 'utf8' })).not.toContain(secret);
        },
      };
    },
  },
  {
    fault: 'a bad environment: one message that names variables and no value (contract §1)',
    code: null,
    run: async (world) => {
      const { child, heard } = await bareServer(world, {
        CF_ACCESS_CLIENT_SECRET: 'the-secret-itself',
        CF_ACCESS_HOSTS: '*, *.com',
        CF_ACCESS_CALLBACK_PORT: 'secret-port',
        CF_ACCESS_TEAM_DOMAIN: 'evil.example.com',
        CF_ACCESS_TRANSFER_URL: 'http://evil.example',
        CF_ACCESS_LOG: 'shouting',
      });
      const [code] = await child.ended;
      return {
        answer: none,
        far: () => {
          expect(code).toBe(2);
          expect(heard.out).toBe('');
          for (const name of [
            'CLIENT_ID',
            'HOSTS',
            'CALLBACK_PORT',
            'TEAM_DOMAIN',
            'TRANSFER_URL',
            'LOG',
          ]) {
            expect(heard.err).toContain(`CF_ACCESS_${name}`);
          }
          expect(heard.err).not.toMatch(/the-secret-itself|secret-port|evil\.example|shouting/);
        },
      };
    },
  },
  {
    fault: 'a FIFO and an endless device as the secret’s file: the start does not hang',
    code: null,
    run: async (world) => {
      const place = await temporaryFolder();
      world.after(() => rm(place, { recursive: true, force: true }));
      execFileSync('mkfifo', [join(place, 'pipe')]);
      const codes: unknown[] = [];
      for (const file of [join(place, 'pipe'), '/dev/zero', place]) {
        const { child } = await bareServer(world, {
          CF_ACCESS_CLIENT_ID: `${'1'.repeat(32)}.access`,
          CF_ACCESS_CLIENT_SECRET_FILE: file,
        });
        const timer = setTimeout(() => child.kill('SIGKILL'), 8_000);
        codes.push((await child.ended)[0]);
        clearTimeout(timer);
      }
      return { answer: none, far: () => expect(codes).toEqual([2, 2, 2]) };
    },
  },
];

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

matrix('process and protocol', rows);
