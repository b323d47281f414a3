/** `tcp`, the built program between local programs and services behind an edge (contract §6). */
import { execFile, spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { createProgram, type Program, type Running } from '../cli/program.ts';
import { type GuardedEdge, startGuardedEdge } from '../support/guarded-edge.ts';
import { visit } from '../support/hostile-matrix.ts';
import { builtServer, eventually } from '../support/mcp-server.ts';
import {
  type Connector,
  startTcpService,
  type TcpService,
  tunnelTo,
} from '../support/tunnelled.ts';

let program: Program;
let edge: GuardedEdge;
let service: TcpService;
let connector: Connector;

beforeEach(async () => {
  program = await createProgram();
});
afterEach(async () => {
  await edge?.close();
  service?.close();
  await program.remove();
});

async function cold(
  serve?: (socket: Socket) => void,
  options?: Parameters<typeof tunnelTo>[1],
): Promise<void> {
  service = await startTcpService(serve);
  connector = tunnelTo(() => service.port, options);
  edge = await startGuardedEdge(connector);
}

async function signInOnce(): Promise<void> {
  await visit(await eventually(async () => (await program.opened())[0]));
}

async function warm(...args: Parameters<typeof cold>): Promise<void> {
  await cold(...args);
  const login = program.start(['login', edge.origin]);
  await signInOnce();
  expect((await login.ended).code).toBe(0);
  edge.requests.length = 0;
}

interface Listening {
  readonly running: Running;
  readonly port: number;
}

async function listen(args: readonly string[] = ['--listen', '0']): Promise<Listening> {
  const running = program.start(['tcp', edge.origin, ...args]);
  onTestFinished(async () => {
    running.child.kill('SIGINT');
    expect((await running.ended).code).toBe(0);
  });
  const port = await eventually(() => {
    if (running.child.exitCode !== null) throw new Error(running.stderr());
    return /^(?:127\.0\.0\.1|\[::1\]):(\d+)\n/.exec(running.stdout())?.[1];
  });
  return { running, port: Number(port) };
}

/** Says `bytes`, gives as much as comes back, and ends. */
async function say(port: number, bytes: Buffer | string): Promise<Buffer> {
  const socket = connect({ port, host: '127.0.0.1' });
  const parts: Buffer[] = [];
  socket.on('data', (part) => parts.push(part));
  socket.write(bytes);
  const wanted = Buffer.byteLength(bytes);
  await eventually(() => {
    if (socket.destroyed) throw new Error('it was ended early');
    return Buffer.concat(parts).length >= wanted || undefined;
  });
  socket.end();
  await once(socket, 'close');
  return Buffer.concat(parts);
}

const secretsIn = (text: string) =>
  edge.issued.filter((secret) => text.includes(secret.replace('oauth:', '')));

describe('on stdin and stdout', () => {
  it('carries bytes both ways by one WebSocket, with the credential, and ends when stdin does', async () => {
    await warm();
    const sent = randomBytes(3_000_000);
    const running = program.start(['tcp', edge.origin], { keepsInput: true });
    running.child.stdin?.write(sent);
    let back = 0;
    running.child.stdout?.on('data', (part: Buffer) => {
      back += part.length;
    });
    await eventually(() => back === sent.length || undefined);
    running.child.stdin?.end();
    const { code, bytes, stderr } = await running.ended;
    expect(code).toBe(0);
    expect(secretsIn(stderr)).toEqual([]);
    expect(Buffer.concat(service.heard[0] ?? []).equals(sent)).toBe(true);
    expect(bytes.equals(sent)).toBe(true);
    expect(edge.requests).toHaveLength(1);
    expect(edge.requests[0]).toMatchObject({ method: 'GET', target: '/', admitted: true });
    expect(connector.handshakes[0]).toMatchObject({
      authorization: expect.stringMatching(/^Bearer oauth:/),
      'sec-websocket-version': '13',
      upgrade: 'websocket',
    });
    for (const name of ['sec-websocket-protocol', 'sec-websocket-extensions', 'origin']) {
      expect(connector.handshakes[0]).not.toHaveProperty(name);
    }
    expect(connector.closes).toEqual([1000]);
    await eventually(() => edge.connections.size === 0 || undefined);
  });

  it('ends when the service does, and everything that it said is there', async () => {
    const said = randomBytes(2_000_000);
    await warm((socket) => socket.end(said));
    const running = program.start(['tcp', edge.origin], { keepsInput: true });
    const { code, bytes } = await running.ended;
    expect(code).toBe(0);
    expect(bytes.equals(said)).toBe(true);
  });

  it('takes a path, and names a bastion its destination', async () => {
    await warm();
    const bastion = ['--destination', '[2001:db8::1]:5432'];
    const run = await program.run(['tcp', `${edge.origin}/ssh/a`, ...bastion], { input: 'hello' });
    expect(run).toMatchObject({ code: 0 });
    expect(Buffer.concat(service.heard[0] ?? []).toString()).toBe('hello');
    expect(edge.requests[0]?.target).toBe('/ssh/a');
    expect(connector.handshakes[0]).toMatchObject({
      'cf-access-jump-destination': '[2001:db8::1]:5432',
    });
  });

  it('answers pings', async () => {
    await warm(undefined, { pings: 'are you there?' });
    const running = program.start(['tcp', edge.origin], { keepsInput: true });
    await eventually(() => connector.pongs.length > 0 || undefined);
    expect(connector.pongs).toEqual(['are you there?']);
    running.child.stdin?.end();
    expect((await running.ended).code).toBe(0);
  });

  it('does not take more than the reader does, nor send more than the service takes', async () => {
    const block = Buffer.alloc(1024 * 1024, 'the same again ');
    let sent = 0;
    await warm((socket) => {
      const write = (): void => {
        while (sent < 300 * block.length) {
          sent += block.length;
          if (!socket.write(block)) return void socket.once('drain', write);
        }
      };
      write();
    });
    const child = spawn(process.execPath, [builtServer, 'tcp', edge.origin], {
      env: {
        PATH: process.env.PATH,
        HOME: program.place,
        CF_ACCESS_DATA_DIR: program.dataDir,
        CF_ACCESS_HEADLESS: '1',
      },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    onTestFinished(() => void child.kill('SIGKILL'));
    child.stdin.on('error', () => {});
    const resident = async () => {
      const status = await readFile(`/proc/${child.pid}/status`, 'utf8').catch(() => '');
      return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? Number.NaN) / 1024;
    };
    await once(child.stdout, 'readable');
    // Nobody reads: what is under way fills the buffers on the way, and no more comes.
    let before = -1;
    await eventually(async () => {
      const now = sent;
      await new Promise((resolve) => setTimeout(resolve, 300));
      const stands = now === sent && before === now;
      before = now;
      return stands || undefined;
    });
    expect(sent).toBeLessThan(100 * block.length);
    const idle = await resident();
    let highest = 0;
    let read = 0;
    child.stdout.on('data', (part: Buffer) => {
      read += part.length;
    });
    // The other way at the same time: the service hears, and forgets.
    const pushing = setInterval(() => {
      if (!child.stdin.writableNeedDrain) child.stdin.write(block);
    }, 5);
    await eventually(async () => {
      highest = Math.max(highest, await resident());
      return read >= 300 * block.length || undefined;
    }, 25_000);
    clearInterval(pushing);
    expect(highest - idle).toBeLessThan(48);
    child.stdin.end();
    const [code] = await once(child, 'exit');
    expect(code).toBe(0);
  });
});

describe('a signal', () => {
  it('ends it also where nobody reads what has come', async () => {
    await warm((socket) => {
      const block = Buffer.alloc(1024 * 1024);
      const write = (): void => {
        while (socket.write(block));
        socket.once('drain', write);
      };
      write();
    });
    const child = spawn(process.execPath, [builtServer, 'tcp', edge.origin], {
      env: { ...program.environment, CF_ACCESS_HEADLESS: '1' },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    onTestFinished(() => void child.kill('SIGKILL'));
    await once(child.stdout, 'readable');
    await eventually(
      () => child.stdout.readableLength >= child.stdout.readableHighWaterMark || undefined,
    );
    child.kill('SIGTERM');
    await eventually(() => child.exitCode !== null || child.signalCode !== null || undefined, 5000);
    expect(child.signalCode).toBeNull();
  });
});

describe('signing in', () => {
  it('opens the browser, and the connection waits', async () => {
    await cold();
    const running = program.start(['tcp', edge.origin], { keepsInput: true });
    running.child.stdin?.write('hello');
    await signInOnce();
    await eventually(() => running.stdout() === 'hello' || undefined);
    running.child.stdin?.end();
    expect(await running.ended).toMatchObject({ code: 0, stdout: 'hello' });
    expect(edge.requests.filter(({ admitted }) => admitted)).toHaveLength(1);
    expect(await program.opened()).toHaveLength(1);
  });

  it('ends with 1 where nobody comes, and says where to sign in', async () => {
    await cold();
    const run = await program.run(['tcp', edge.origin, '--wait', '0.2'], { input: 'hello' });
    expect(run).toMatchObject({ code: 1, stdout: '' });
    expect(run.stderr).toMatch(/waiting for a person to sign in/);
    expect(service.heard).toEqual([]);
  });

  it('ends with 1 where nobody may be asked', async () => {
    await cold();
    const run = await program.run(['tcp', edge.origin], {
      environment: { CF_ACCESS_HEADLESS: '1' },
    });
    expect(run).toMatchObject({ code: 1, stdout: '' });
    expect(run.stderr).toContain('CF_ACCESS_HEADLESS=1 is set');
    expect(await program.opened()).toEqual([]);
  });

  it('is a refresh where that will do, and one more handshake', async () => {
    await warm();
    edge.expire();
    expect(await program.run(['tcp', edge.origin], { input: 'a' })).toMatchObject({ code: 0 });
    expect(Buffer.concat(service.heard[0] ?? []).toString()).toBe('a');
    expect(edge.requests.map(({ admitted }) => admitted)).toEqual([false, true]);
    const keys = edge.requests.map(({ headers }) => headers['sec-websocket-key']);
    expect(keys[0]).toBeTruthy();
    expect(await program.opened()).toHaveLength(1);
  });
});

describe('at a local port', () => {
  it('carries each connection by a WebSocket of its own', async () => {
    await warm();
    const { port, running } = await listen();
    const sent = Array.from({ length: 16 }, () => randomBytes(200_000));
    const hash = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');
    const back = await Promise.all(sent.map((bytes) => say(port, bytes)));
    expect(back.map(hash)).toEqual(sent.map(hash));
    expect(edge.requests).toHaveLength(16);
    expect(service.heard).toHaveLength(16);
    await eventually(() => edge.connections.size === 0 || undefined);
    expect(secretsIn(running.stdout() + running.stderr())).toEqual([]);
  });

  it('of both loopback addresses, or of the one that is named', async () => {
    await warm();
    const both = await listen();
    const sockets = ['127.0.0.1', '::1'].map((host) => connect(both.port, host));
    await Promise.all(sockets.map((socket) => once(socket, 'connect')));
    for (const socket of sockets) socket.destroy();
    const one = await listen(['--listen', '127.0.0.1:0']);
    const refused = connect(one.port, '::1');
    const [error] = (await once(refused, 'error')) as [NodeJS.ErrnoException];
    expect(error.code).toBe('ECONNREFUSED');
    expect((await say(one.port, 'a')).toString()).toBe('a');
  });

  it.runIf(process.platform === 'linux' && process.getuid?.() === 0)(
    'lets no other user of this machine in',
    async () => {
      await warm();
      const { port, running } = await listen();
      const asking = promisify(execFile)(
        'curl',
        ['--silent', '--max-time', '5', `telnet://127.0.0.1:${port}`],
        { uid: 65_534, gid: 65_534 },
      );
      asking.child.stdin?.end('hello');
      await asking.catch(() => {});
      await eventually(() => running.stderr().includes('another user') || undefined);
      expect(edge.requests).toEqual([]);
      expect(service.heard).toEqual([]);
    },
  );

  it('delivers what a client says that ends at once', async () => {
    await warm();
    const { port } = await listen();
    const said = randomBytes(500_000);
    connect({ port, host: '127.0.0.1' }).end(said);
    await eventually(() => service.ended() === 1 || undefined);
    expect(Buffer.concat(service.heard[0] ?? []).equals(said)).toBe(true);
    expect(connector.closes).toEqual([1000]);
  });

  it('passes nothing on that a web page can send', async () => {
    await warm();
    const { port, running } = await listen();
    const page = connect(port, '127.0.0.1');
    page.on('error', () => {});
    const closed = new Promise((resolve) => page.once('close', resolve));
    page.write('POST / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\nFLUSHALL\r\n');
    await closed;
    await eventually(() => /HTTP request.*forward/s.test(running.stderr()) || undefined);
    await eventually(() => edge.connections.size === 0 || undefined);
    expect(Buffer.concat(service.heard.flat()).toString()).toBe('');
    // What only looks like it passes.
    expect((await say(port, 'GET x')).toString()).toBe('GET x');
  });

  it('ends one connection, and the others are unharmed', async () => {
    await warm();
    const { port } = await listen();
    const kept = connect(port, '127.0.0.1');
    const parts: Buffer[] = [];
    kept.on('data', (part) => parts.push(part));
    kept.write('a');
    await eventually(() => parts.length === 1 || undefined);
    const leaving = connect(port, '127.0.0.1');
    leaving.write(randomBytes(500_000));
    await eventually(() => service.heard[1]?.length || undefined);
    leaving.resetAndDestroy();
    await eventually(() => service.ended() === 1 || undefined);
    kept.write('b');
    await eventually(() => Buffer.concat(parts).toString() === 'ab' || undefined);
    kept.destroy();
    await eventually(() => edge.connections.size === 0 || undefined);
  });

  it('leaves no handshake open for a client that leaves before it', async () => {
    await cold();
    const { port } = await listen();
    const socket = connect(port, '127.0.0.1');
    await eventually(async () => (await program.opened())[0]);
    socket.destroy();
    const asked = connect({ port, host: '127.0.0.1' });
    asked.write('b');
    await signInOnce();
    await once(asked, 'data');
    asked.destroy();
    expect(service.heard).toHaveLength(1);
    await eventually(() => edge.connections.size === 0 || undefined);
  });

  it('that another program holds is not shared', async () => {
    await warm();
    const holder = createServer().listen(0, '::1');
    await once(holder, 'listening');
    const port = (holder.address() as { port: number }).port;
    const run = await program.run(['tcp', edge.origin, '--listen', String(port)]);
    expect(run).toMatchObject({ code: 1, stdout: '' });
    expect(run.stderr).toMatch(
      /another program on this machine uses it.*another port behind --listen/s,
    );
    holder.close();
  });
});
