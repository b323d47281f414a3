/**
 * 64 connections through `forward` for a minute, with either end killed at random and tokens that expire
 * meanwhile: what is answered is right, nothing secret is local, and neither memory nor handles stay.
 * `SOAK_SECONDS` and `SOAK_SEED` set length and course.
 */
import { type ClientRequest, request as httpRequest, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { expect, it } from 'vitest';
import { createProgram } from '../cli/program.ts';
import { type Forwarding, startForward } from '../support/forwarding.ts';
import { type Behind, type GuardedEdge, startGuardedEdge } from '../support/guarded-edge.ts';
import { visit } from '../support/hostile-matrix.ts';
import { eventually } from '../support/mcp-server.ts';
import { grownBetweenHalves, handles, residentMib } from './process-size.ts';
import { createRandom, seed } from './random.ts';

const seconds = Number(process.env.SOAK_SECONDS ?? 60);
const workers = 64;
const block = Buffer.alloc(256 * 1024, 'all the same ');
const mostGrownMib = 32;

const random = createRandom();

/** An origin that leaves now and then, in the middle. */
const behind: Behind = {
  onRequest(request, response) {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://x');
    const dies = random() < 0.1;
    if (dies) setTimeout(() => request.socket.resetAndDestroy(), random() * 50);
    if (pathname === '/echo') {
      const parts: Buffer[] = [];
      request.on('data', (part) => parts.push(part));
      request.on('end', () => {
        response.setHeader('content-type', 'text/plain');
        response.end(`${request.headers.authorization} ${Buffer.concat(parts)}`);
      });
    } else if (pathname === '/count') {
      let bytes = 0;
      request.on('data', (part) => {
        bytes += part.length;
      });
      request.on('end', () => response.end(String(bytes)));
    } else if (pathname === '/events') {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      const timer = setInterval(() => response.write('data: tick\n\n'), 20);
      response.once('close', () => clearInterval(timer));
    } else {
      let left = Number(searchParams.get('blocks'));
      response.writeHead(200, { 'content-length': left * block.length });
      const write = (): void => {
        while (left > 0) {
          left -= 1;
          if (!response.write(block)) return void response.once('drain', write);
        }
        response.end();
      };
      write();
    }
  },
  onUpgrade(_, socket) {
    socket.on('error', () => {});
    socket.write(
      'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
    );
    if (random() < 0.3) setTimeout(() => socket.destroy(), random() * 50);
    else socket.pipe(socket);
  },
};

interface Tally {
  whole: number;
  broken: number;
  refused: number;
}

/** One exchange of a random kind, which one of both ends may leave. */
async function exchange({ local, port }: Forwarding, issued: readonly string[], tally: Tally) {
  const kind = Math.floor(random() * 5);
  const leaves = random() < 0.3;
  if (kind === 4) return webSocket(port, tally);
  const [path, method, body] = (
    [
      ['/echo', 'POST', 'hello'],
      [`/bytes?blocks=${1 + Math.floor(random() * 6)}`, 'GET', undefined],
      ['/count', 'PUT', Buffer.alloc(Math.floor(random() * 1_400_000), 'x')],
      ['/events', 'GET', undefined],
    ] as const
  )[kind] as [string, string, string | Buffer | undefined];
  const asking: ClientRequest = httpRequest(`${local}${path}`, {
    method,
    agent: false,
    ...(body === undefined ? {} : { headers: { 'content-length': Buffer.byteLength(body) } }),
  });
  if (leaves || kind === 3) setTimeout(() => asking.destroy(), random() * 300);
  asking.end(body);
  try {
    const { status, text, bytes } = await read(asking);
    for (const secret of issued) {
      if (text.includes(secret.replace('oauth:', ''))) throw new Error('a secret is local');
    }
    if (status === 502 || status === 503) {
      tally.refused += 1;
      return;
    }
    expect(status).toBe(200);
    if (kind === 0) expect(text).toMatch(/^Bearer \*+ hello$/);
    if (kind === 1) expect(bytes % block.length).toBe(0);
    if (kind === 2) expect(text).toBe(String(body?.length));
    tally.whole += 1;
  } catch (error) {
    if (!/ECONNRESET|aborted|hang up|EPIPE/.test(String(error))) throw error;
    tally.broken += 1;
  }
}

function read(asking: ClientRequest): Promise<{ status: number; text: string; bytes: number }> {
  return new Promise((resolve, reject) => {
    asking.on('error', reject);
    asking.on('response', (answer: IncomingMessage) => {
      let bytes = 0;
      let text = '';
      answer.on('data', (part: Buffer) => {
        bytes += part.length;
        if (text.length < 65_536) text += part.toString('latin1');
      });
      answer.on('error', reject);
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, text, bytes }));
    });
  });
}

function webSocket(port: number, tally: Tally): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.write(
        `GET /socket HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`,
      );
    });
    const timer = setInterval(() => socket.write('x'.repeat(1000)), 10);
    setTimeout(() => socket.destroy(), 50 + random() * 200);
    socket.on('error', () => {});
    socket.once('data', () => {
      tally.whole += 1;
    });
    socket.once('close', () => {
      clearInterval(timer);
      resolve();
    });
  });
}

it(
  `stays whole and small (SOAK_SECONDS=${seconds} SOAK_SEED=${seed})`,
  async () => {
    const program = await createProgram();
    const edge: GuardedEdge = await startGuardedEdge(behind);
    const login = program.start(['login', edge.origin]);
    await visit(await eventually(async () => (await program.opened())[0]));
    await login.ended;
    const forward = await startForward(program, edge.origin);
    const pid = forward.running.child.pid ?? 0;
    const handlesBefore = await handles(pid);
    const tally: Tally = { whole: 0, broken: 0, refused: 0 };
    const samples: number[] = [];
    const until = Date.now() + seconds * 1000;
    const expiring = setInterval(() => edge.expire(), 8_000);
    const sampling = setInterval(async () => samples.push(await residentMib(pid)), 1_000);
    await Promise.all(
      Array.from({ length: workers }, async () => {
        while (Date.now() < until) await exchange(forward, edge.issued, tally);
      }),
    );
    clearInterval(expiring);
    clearInterval(sampling);
    // The last of the idle connections go after undici's 30 s; those of exchanges at once.
    await eventually(
      async () => (await handles(pid)) <= handlesBefore + workers || undefined,
      40_000,
    );
    const grown = grownBetweenHalves(samples);
    process.stdout.write(
      `${JSON.stringify({ ...tally, requests: edge.requests.length, grownMib: grown, highestMib: Math.max(...samples) })}\n`,
    );
    expect(tally.whole).toBeGreaterThan(seconds * 10);
    expect(tally.broken).toBeGreaterThan(seconds);
    expect(grown).toBeLessThan(mostGrownMib);
    expect(await program.opened()).toHaveLength(1);
    for (const secret of edge.issued) expect(forward.running.stderr()).not.toContain(secret);
    // The origin goes on leaving now and then.
    await eventually(async () => {
      const asking = httpRequest(`${forward.local}/bytes?blocks=1`, { agent: false }).end();
      const { status, bytes } = await read(asking).catch(() => ({ status: 0, bytes: 0 }));
      return (status === 200 && bytes === block.length) || undefined;
    });
    expect(await forward.end()).toBe(0);
    await edge.close();
    await program.remove();
  },
  (seconds + 120) * 1000,
);
