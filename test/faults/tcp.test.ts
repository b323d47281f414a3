/** Faults on both sides of `tcp`: what the local end is told, and what the far end has seen. */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createProgram, type Program, type Run } from '../cli/program.ts';
import { type Behind, type GuardedEdge, startGuardedEdge } from '../support/guarded-edge.ts';
import { visit } from '../support/hostile-matrix.ts';
import { eventually } from '../support/mcp-server.ts';

let program: Program;
let edge: GuardedEdge;
let behind: Behind = {};

/** The handshake, and then whatever the row says. */
function switched(
  then: (socket: Socket) => unknown,
  fields: (accept: string) => string[] = (accept) => [
    'Upgrade: websocket',
    'Connection: Upgrade',
    `Sec-WebSocket-Accept: ${accept}`,
  ],
): Behind {
  return {
    onUpgrade(request, socket) {
      const lines = ['HTTP/1.1 101 Switching Protocols', ...fields(acceptFor(request))];
      socket.write(`${lines.join('\r\n')}\r\n\r\n`);
      then(socket);
    },
  };
}
function acceptFor({ headers }: IncomingMessage): string {
  const key = `${headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`;
  return createHash('sha1').update(key).digest('base64');
}
const answering = (head: string, body = ''): Behind => ({
  onUpgrade: (_, socket) =>
    void socket.end(`HTTP/1.1 ${head}\r\ncontent-length: ${body.length}\r\n\r\n${body}`),
});
const frames = (...hex: string[]) => Buffer.from(hex.join('').replace(/\s/g, ''), 'hex');
const hello = '82 05 68656c6c6f';

interface Row {
  readonly fault: string;
  readonly behind: Behind;
  readonly code: number;
  readonly says?: RegExp;
  readonly stdout?: string;
  /** How often the edge is asked. */
  readonly asked?: number;
  readonly environment?: Record<string, string>;
}

const rows: readonly Row[] = [
  {
    fault: 'a web application in the place of a TCP service',
    behind: answering('200 OK\r\ncontent-type: text/html', '<html></html>'),
    code: 2,
    says: /answered 200 in the place of opening a TCP connection.*use forward or fetch/s,
    asked: 1,
  },
  { fault: 'nothing at that path', behind: answering('404 Not Found'), code: 2, says: /404/ },
  {
    fault: 'a service that is down',
    behind: answering('502 Bad Gateway'),
    code: 1,
    says: /502.*cloudflared/s,
  },
  {
    fault: 'the tunnel is down',
    behind: answering('530 X', 'error code: 1033'),
    code: 1,
    says: /tunnel is down/,
  },
  { fault: 'a refusal behind Access', behind: answering('403 Forbidden'), code: 1, says: /403/ },
  {
    fault: 'a policy refuses the person',
    behind: answering('403 Forbidden\r\ncf-access-error: not you'),
    code: 1,
    says: /“not you”/,
  },
  {
    fault: 'a redirect elsewhere: it is not followed',
    behind: answering('302 Found\r\nlocation: https://evil.example/'),
    code: 2,
    asked: 1,
  },
  {
    fault: 'a switch without the proof of it (RFC 6455 §4.1)',
    behind: switched(
      (socket) => socket.write(frames(hello)),
      () => ['Upgrade: websocket', 'Connection: Upgrade', 'Sec-WebSocket-Accept: AAAA'],
    ),
    code: 1,
    says: /without the proof/,
    stdout: '',
  },
  {
    fault: 'an extension that was not offered',
    behind: switched(
      () => {},
      (accept) => [
        'Upgrade: websocket',
        'Connection: Upgrade',
        `Sec-WebSocket-Accept: ${accept}`,
        'Sec-WebSocket-Extensions: permessage-deflate',
      ],
    ),
    code: 1,
    says: /extension/,
  },
  {
    fault: 'a connection that is cut before it answers: it is dialled once more, like every GET',
    behind: { onUpgrade: (_, socket) => void socket.resetAndDestroy() },
    code: 1,
    asked: 2,
  },
  {
    fault: 'the end, said properly',
    behind: switched((socket) => socket.end(frames(hello, '88 02 03e8'))),
    code: 0,
    stdout: 'hello',
  },
  {
    fault: 'the end without a word',
    behind: switched((socket) => socket.end(frames(hello))),
    code: 0,
    stdout: 'hello',
  },
  {
    fault: 'a reset',
    behind: switched((socket) => {
      socket.write(frames(hello));
      setTimeout(() => socket.resetAndDestroy(), 100);
    }),
    code: 1,
    stdout: 'hello',
  },
  {
    fault: 'an end in the middle of a message',
    behind: switched((socket) => socket.end(frames('82 7e 0100 68656c6c6f'))),
    code: 1,
    says: /in the middle of a message/,
    stdout: 'hello',
  },
  {
    fault: 'an end that says what has failed',
    behind: switched((socket) => socket.end(frames(hello, '88 08 03f3 6e6f7420 6869'))),
    code: 1,
    says: /with the code 1011: “not hi”/,
    stdout: 'hello',
  },
  {
    fault: 'what is no frame',
    behind: switched((socket) => socket.write('SSH-2.0-OpenSSH_9.2\r\n')),
    code: 1,
    says: /no WebSocket message/,
  },
  {
    fault: 'a masked frame',
    behind: switched((socket) => socket.write(frames('82 85 00000000 68656c6c6f'))),
    code: 1,
    says: /masked/,
    stdout: '',
  },
  {
    fault: 'WebSockets where an administrator allows only reading',
    behind: {},
    environment: { CF_ACCESS_READ_ONLY: '1' },
    code: 1,
    says: /CF_ACCESS_READ_ONLY/,
    asked: 0,
  },
  {
    fault: 'a host that an administrator does not allow',
    behind: {},
    environment: { CF_ACCESS_ALLOWED_HOSTS: 'a.example.com' },
    code: 1,
    says: /CF_ACCESS_ALLOWED_HOSTS/,
    asked: 0,
  },
];

beforeAll(async () => {
  program = await createProgram();
  edge = await startGuardedEdge({
    onUpgrade(request, socket, head) {
      socket.on('error', () => {});
      // Whose client has gone is gone as well.
      socket.once('end', () => socket.destroy()).resume();
      behind.onUpgrade?.(request, socket, head);
    },
  });
  const login = program.start(['login', edge.origin]);
  await visit(await eventually(async () => (await program.opened())[0]));
  expect((await login.ended).code).toBe(0);
});
beforeEach(() => {
  edge.requests.length = 0;
});
afterAll(async () => {
  await edge?.close();
  await program?.remove();
});

describe('the matrix of tcp', () => {
  it.each(rows.map((each) => [each.fault, each] as const))('%s', async (_, row) => {
    behind = row.behind;
    const running = program.start(['tcp', edge.origin], {
      keepsInput: true,
      environment: row.environment ?? {},
    });
    const run: Run = await running.ended;
    expect({ code: run.code, stderr: run.stderr }).toMatchObject({ code: row.code });
    if (row.says) expect(run.stderr).toMatch(row.says);
    if (row.stdout !== undefined) expect(run.stdout).toBe(row.stdout);
    if (row.asked !== undefined) expect(edge.requests).toHaveLength(row.asked);
    for (const secret of edge.issued) expect(run.stdout + run.stderr).not.toContain(secret);
    await eventually(() => edge.connections.size === 0 || undefined);
  });

  it('a connection that fails is reset for the local client, and the next one is carried', async () => {
    behind = answering('502 Bad Gateway');
    const running = program.start(['tcp', edge.origin, '--listen', '0']);
    const port = Number(await eventually(() => /:(\d+)\n/.exec(running.stdout())?.[1]));
    const first = connect(port, '127.0.0.1');
    const [error] = (await once(first, 'error')) as [NodeJS.ErrnoException];
    expect(error.code).toBe('ECONNRESET');
    await eventually(() => running.stderr().includes('answered 502') || undefined);
    // The command goes on, and is not to be run again.
    await eventually(() => running.stderr().includes('onnect again') || undefined);
    expect(running.stderr()).not.toContain('un it again');
    behind = switched((socket) => socket.end(frames(hello, '88 02 03e8')));
    const second = connect(port, '127.0.0.1');
    const [said] = (await once(second, 'data')) as [Buffer];
    expect(said.toString()).toBe('hello');
    await once(second, 'close');
    running.child.kill('SIGINT');
    expect((await running.ended).code).toBe(0);
    await eventually(() => edge.connections.size === 0 || undefined);
  });

  it('a service that never closes is not waited for when the local end is done', async () => {
    let heard = Buffer.alloc(0);
    behind = switched((socket) =>
      socket.on('data', (part) => {
        heard = Buffer.concat([heard, part]);
      }),
    );
    const run = await program.run(['tcp', edge.origin], { input: 'hello' });
    expect(run).toMatchObject({ code: 0 });
    // A frame of five bytes, and the close with its code, both masked.
    expect([heard[0], heard[1], heard[11], heard[12]]).toEqual([0x82, 0x85, 0x88, 0x82]);
  });
});

describe('at the start', () => {
  it.each([
    ['another protocol’s address', ['ssh://ssh.example.com'], /names one.*the host alone/s],
    ['a query', ['ssh.example.com/a?b'], /was given with more/],
    ['http beyond this machine', ['http://ssh.example.com'], /https/],
    [
      'a port beyond this machine',
      ['h.example.com', '--listen', '0.0.0.0:1'],
      /of this machine alone/,
    ],
    ['a name beyond this machine', ['h.example.com', '--listen', 'db:1'], /of this machine alone/],
    ['no port', ['h.example.com', '--listen', '127.0.0.1'], /a port from 0 to 65535/],
    ['a port that is none', ['h.example.com', '--listen', '65536'], /a port from 0 to 65535/],
    ['a destination without a port', ['h.example.com', '--destination', 'db'], /a host and a port/],
    [
      'a destination of two lines',
      ['h.example.com', '--destination', 'a\r\nb: c:1'],
      /a host and a port/,
    ],
  ])('%s is refused', async (_, args, says) => {
    const run = await program.run(['tcp', ...args]);
    expect(run).toMatchObject({ code: 2, stdout: '' });
    expect(run.stderr).toMatch(says);
  });

  it('an unknown host is told with its name', async () => {
    const run = await program.run(['tcp', 'nowhere.invalid'], { input: 'hello' });
    expect(run).toMatchObject({ code: 1, stdout: '' });
    expect(run.stderr).toMatch(/nowhere\.invalid/);
  });
});
