/** Large bodies from files: in constant memory, whole again after a challenge, and never to another origin. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { appendFile, open, readFile, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { type Sandbox, startSandbox } from '../../../src/sandbox/sandbox.ts';
import { startHostileApplication } from '../../support/hostile-application.ts';
import { createProgram, type Program } from '../program.ts';
import { recordingOrigin } from './recording-origin.ts';

let program: Program;
let sandbox: Sandbox;
let large: string;
let largeHash: string;
const largeBytes = 150_000_000;

beforeAll(async () => {
  sandbox = await startSandbox();
  program = await createProgram({ CF_ACCESS_TRANSFER_URL: sandbox.transfer.origin });
  large = join(program.place, 'large.bin');
  const handle = await open(large, 'w');
  const block = Buffer.alloc(1_000_000, 'sixteen letters\n');
  const hash = createHash('sha256');
  for (let at = 0; at < largeBytes; at += block.length) {
    // No two blocks are the same: one that is sent in another's place would show.
    block.write(String(at).padStart(15, '0'));
    hash.update(block);
    await handle.write(block);
  }
  largeHash = hash.digest('hex');
  await handle.close();
  await writeFile(join(program.place, 'small.bin'), 'small');
});
afterAll(async () => {
  await program.remove();
  await sandbox.close();
});

/** An origin that counts a body, and looks at the sender's memory before it answers. */
async function sink() {
  const seen: { bytes: number; hash: string; length: string | undefined; highestKiB: number }[] =
    [];
  let pid: number | undefined;
  const take = async (request: IncomingMessage) => {
    let bytes = 0;
    const sha256 = createHash('sha256');
    for await (const chunk of request as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      sha256.update(chunk);
    }
    const hash = sha256.digest('hex');
    const status = await readFile(`/proc/${pid}/status`, 'utf8');
    const highestKiB = Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1]);
    seen.push({ bytes, hash, length: request.headers['content-length'], highestKiB });
  };
  const server = createServer((request, response) => {
    take(request).then(
      () => response.end('taken'),
      () => response.destroy(),
    );
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  const send = async (args: readonly string[]) => {
    const running = program.start(['curl', '-sS', ...args, `http://127.0.0.1:${port}/`]);
    pid = running.child.pid;
    const { code, stdout } = await running.ended;
    expect({ code, stdout }).toEqual({ code: 0, stdout: 'taken' });
    const last = seen.at(-1);
    if (!last) throw new Error('nothing was sent');
    return last;
  };
  return { send };
}

describe.runIf(process.platform === 'linux')('150 MB cost less than 32 MiB', () => {
  const droppedLineEnds = largeBytes - largeBytes / 16;
  it.each([
    ['-T', (file: string) => ['-T', file], largeBytes],
    ['--data-binary', (file: string) => ['--data-binary', `@${file}`], largeBytes],
    ['-d', (file: string) => ['-d', `@${file}`], droppedLineEnds],
    ['-F', (file: string) => ['-F', `file=@${file}`, '-F', 'a=b'], undefined],
  ])('with %s', async (_name, args, expected) => {
    const { send } = await sink();
    const small = await send(args('small.bin'));
    const sent = await send(args(large));
    expect(sent.length).toBe(String(sent.bytes));
    if (expected === undefined) expect(sent.bytes).toBeGreaterThan(largeBytes);
    else expect(sent.bytes).toBe(expected);
    if (expected === largeBytes) expect(sent.hash).toBe(largeHash);
    expect(small.highestKiB).toBeGreaterThan(0);
    expect(sent.highestKiB - small.highestKiB).toBeLessThan(32 * 1024);
  });
});

describe('where a sign-in is asked for', () => {
  it.each([
    ['-F', (file: string) => ['-F', `file=@${file}`], 'POST'],
    ['-T', (file: string) => ['-T', file], 'PUT'],
  ])('the whole file of %s is sent again after it', async (_name, args, method) => {
    const bodies: Buffer[] = [];
    const app = await startHostileApplication({
      page: ({ body }) => {
        bodies.push(Buffer.from(body));
        return { body: 'in' };
      },
    });
    onTestFinished(() => app.close());
    const content = 'line of a file\n'.repeat(30_000);
    const file = join(program.place, 'sent.txt');
    await writeFile(file, content);
    const before = (await program.opened()).length;
    const running = program.start(['curl', '-sS', ...args(file), app.at('/page')]);
    await fetch((await openedAfter(before)) ?? '');
    const { code, stdout } = await running.ended;
    expect({ code, stdout }).toEqual({ code: 0, stdout: 'in' });
    expect(bodies).toHaveLength(1);
    expect(bodies[0]?.includes(content)).toBe(true);
    expect(app.of('/page').map((seen) => seen.method)).toEqual([method, method]);
  });

  it('stdin as it comes is sent once, after it', async () => {
    const app = await startHostileApplication({ page: ({ body }) => ({ body }) });
    onTestFinished(() => app.close());
    const before = (await program.opened()).length;
    const running = program.start(['curl', '-sS', '-T', '-', app.at('/page')], { input: 'once' });
    await fetch((await openedAfter(before)) ?? '');
    const { code, stdout } = await running.ended;
    expect({ code, stdout }).toEqual({ code: 0, stdout: 'once' });
    const asked = app.of('/page').map(({ method, body }) => [method, String(body)]);
    expect(asked.filter(([method]) => method === 'PUT')).toEqual([['PUT', 'once']]);
  });

  it('stdin is not sent at all where nobody signs in', async () => {
    const app = await startHostileApplication();
    onTestFinished(() => app.close());
    const args = ['curl', '-sS', '-T', '-', '--wait', '0', app.at('/page')];
    const { code } = await program.run(args, { input: 'never' });
    expect(code).toBe(67);
    expect(app.of('/page').map(({ method }) => method)).not.toContain('PUT');
  });

  it.each([
    ['gives up', ['--wait', '1'], 67],
    ['runs out of time', ['-m', '3'], 28],
  ])(
    'the person is asked once, however many --retry says, when it %s',
    async (_name, args, code) => {
      const app = await startHostileApplication();
      onTestFinished(() => app.close());
      const before = (await program.opened()).length;
      const run = await program.run(['curl', '-sS', '--retry', '3', ...args, app.at('/page')]);
      expect(run.code).toBe(code);
      expect(run.stderr).not.toContain('Trying again');
      expect((await program.opened()).length).toBe(before + 1);
      expect(app.of('/page')).toHaveLength(1);
    },
  );
});

describe('a body', () => {
  it.each([
    ['-T', ['-T', 'small.bin']],
    ['-F', ['-F', 'file=@small.bin']],
    ['-d', ['-d', '@small.bin']],
  ])('of %s never crosses to another origin', async (_name, args) => {
    const other = await recordingOrigin();
    const origin = await recordingOrigin((_, response) => {
      response.writeHead(307, { location: other.url('/there') }).end();
    });
    const { code } = await program.run(['curl', '-sSL', ...args, origin.url()]);
    expect(code).toBe(47);
    expect(origin.requests).toHaveLength(1);
    expect(other.requests).toEqual([]);
  });

  it('is sent again along a redirect within the origin, whole', async () => {
    const origin = await recordingOrigin(({ target }, response) => {
      if (target === '/here') response.writeHead(307, { location: '/there' });
      response.end();
    });
    const { code } = await program.run(['curl', '-sSL', '-T', 'small.bin', origin.url('/here')]);
    expect(code).toBe(0);
    expect(origin.requests.map(({ body }) => String(body))).toEqual(['small', 'small']);
  });

  it('from stdin is not sent again: 65, as with curl', async () => {
    const origin = await recordingOrigin((_, response) => {
      response.writeHead(307, { location: '/there' }).end();
    });
    const args = ['curl', '-sSL', '-T', '-', '--no-sign-in', origin.url()];
    const { code, stderr } = await program.run(args, { input: 'once' });
    expect(code).toBe(65);
    expect(stderr).toContain('--upload-file');
    expect(origin.requests).toHaveLength(1);
  });

  it('is not sent again when its file has changed meanwhile', async () => {
    const file = join(program.place, 'growing.log');
    await writeFile(file, 'first line\n');
    const origin = await recordingOrigin(async (_, response) => {
      await appendFile(file, 'second line\n');
      response.writeHead(307, { location: '/there' }).end();
    });
    const { code, stderr } = await program.run(['curl', '-sSL', '-T', file, origin.url()]);
    expect(code).toBe(26);
    expect(stderr).toContain('changed while it was to be sent');
    expect(origin.requests.map(({ body }) => String(body))).toEqual(['first line\n']);
  });

  it.runIf(process.platform === 'linux')('from a pipe is sent with its length', async () => {
    const origin = await recordingOrigin();
    const pipe = join(program.place, 'pipe');
    execFileSync('mkfifo', [pipe]);
    const running = program.start(['curl', '-sS', '-F', `f=@${pipe}`, origin.url()]);
    await writeFile(pipe, 'through a pipe');
    expect((await running.ended).code).toBe(0);
    const [sent] = origin.requests;
    expect(String(sent?.body)).toContain('through a pipe');
    expect(sent?.fields['content-length']).toBe(String(sent?.body.length));
  });
});

async function openedAfter(count: number): Promise<string | undefined> {
  const { eventually } = await import('../../support/mcp-server.ts');
  return eventually(async () => (await program.opened())[count]);
}
