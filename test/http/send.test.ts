import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { Agent } from 'undici';
import { describe, expect, onTestFinished, test } from 'vitest';
import { fileBody } from '../../src/files/body-file.ts';
import { readBody } from '../../src/http/body.ts';
import { createDispatcher } from '../../src/http/dispatcher.ts';
import { bytesBody } from '../../src/http/request-body.ts';
import { createSend, type Send } from '../../src/http/send.ts';
import { within } from '../../src/http/waiting/within.ts';
import { certificateFor, temporaryFolder } from '../files/folders.ts';
import { inTime } from '../support/in-time.ts';
import { origin, rawOrigin } from './origin.ts';

function ownSend(): Send {
  const dispatcher = createDispatcher({});
  onTestFinished(() => dispatcher.destroy());
  return createSend(dispatcher);
}
function sendBy(limits: Agent.Options): Send {
  const agent = new Agent(limits);
  onTestFinished(() => agent.destroy());
  return createSend(agent);
}
const text = async (answer: Awaited<ReturnType<Send>>) =>
  (await readBody(answer, { maxBytes: 1e6 })).bytes.toString();
/** The connection is free again a turn after its answer's end. */
const turn = () => new Promise((resolve) => setImmediate(resolve));
const ok = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok';

describe('connections', () => {
  test('are reused over calls', async () => {
    const seen = new Set<number>();
    const url = await rawOrigin((socket, _data, connection) => {
      seen.add(connection);
      socket.write(ok);
    });
    const send = ownSend();
    for (let at = 0; at < 5; at += 1) {
      expect(await text(await send({ method: 'GET', url, signal: inTime(), headers: [] }))).toBe(
        'ok',
      );
      await turn();
    }
    expect(seen.size).toBe(1);
  });

  for (const method of ['GET', 'HEAD']) {
    test(`${method} is sent once more when a reused connection is reset (RFC 9112 §9.3.1)`, async () => {
      let requests = 0;
      const url = await rawOrigin((socket, _data, connection) => {
        requests += 1;
        if (requests === 2 && connection === 1) socket.resetAndDestroy();
        else
          socket.write(
            requests === 3 && method === 'HEAD'
              ? 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n'
              : ok,
          );
      });
      const send = ownSend();
      await text(await send({ method: 'GET', url, signal: inTime(), headers: [] }));
      await turn();
      expect((await send({ method, url, signal: inTime(), headers: [] })).status).toBe(200);
      expect(requests).toBe(3);
    });
  }
  test('once more is all: a second reset is the answer', async () => {
    let requests = 0;
    const url = await rawOrigin((socket) => {
      requests += 1;
      socket.resetAndDestroy();
    });
    await expect(
      ownSend()({ method: 'GET', url, signal: inTime(), headers: [] }),
    ).rejects.toMatchObject({
      code: 'network_error',
    });
    expect(requests).toBe(2);
  });
  for (const method of ['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS']) {
    test(`${method} is never sent twice`, async () => {
      let requests = 0;
      const url = await rawOrigin((socket) => {
        requests += 1;
        socket.resetAndDestroy();
      });
      await expect(
        ownSend()({
          method,
          url,
          signal: inTime(),
          headers: [],
          ...(method === 'OPTIONS' ? {} : { body: bytesBody('x') }),
        }),
      ).rejects.toMatchObject({ code: 'network_error' });
      expect(requests).toBe(1);
    });
  }
  test('a body that breaks off is not asked for again', async () => {
    let requests = 0;
    const url = await rawOrigin((socket) => {
      requests += 1;
      socket.write('HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf', () =>
        socket.resetAndDestroy(),
      );
    });
    await expect(
      ownSend()({ method: 'GET', url, signal: inTime(), headers: [] }).then(text),
    ).rejects.toMatchObject({
      code: 'network_error',
    });
    expect(requests).toBe(1);
  });
});

describe('what is sent', () => {
  test('what we can decode, our name, and the agent’s own fields instead of ours', async () => {
    const url = await origin((request, response) => response.end(JSON.stringify(request.headers)));
    const sent = JSON.parse(
      await text(
        await ownSend()({
          method: 'GET',
          url,
          signal: inTime(),
          headers: [
            ['Accept', 'a/b'],
            ['user-agent', 'mine'],
          ],
        }),
      ),
    );
    expect(sent).toMatchObject({
      accept: 'a/b',
      'user-agent': 'mine',
      'accept-encoding': expect.stringMatching(/br, gzip, deflate$/),
    });
  });
  test('no fragment', async () => {
    const url = await origin((request, response) => response.end(request.url));
    expect(
      await text(
        await ownSend()({
          method: 'GET',
          url: new URL('/a?b#c', url),
          signal: inTime(),
          headers: [],
        }),
      ),
    ).toBe('/a?b');
  });
  test('a file as it is, with its length', async () => {
    const folder = temporaryFolder();
    writeFileSync(path.join(folder, 'f'), 'x'.repeat(600_000));
    const url = await origin((request, response) => {
      let bytes = 0;
      request.on('data', (part) => {
        bytes += part.length;
      });
      request.on('end', () =>
        response.end(
          `${request.headers['content-length']} ${request.headers['transfer-encoding']} ${bytes}`,
        ),
      );
    });
    const body = await fileBody('f', { roots: [folder], offLimits: [] });
    const send = ownSend();
    for (let at = 0; at < 2; at += 1)
      expect(
        await text(await send({ method: 'POST', url, signal: inTime(), headers: [], body })),
      ).toBe('600000 undefined 600000');
  });
});

describe('what comes back', () => {
  test('an empty gzip answer to HEAD is no broken one', async () => {
    const url = await origin((_request, response) =>
      response.writeHead(200, { 'content-encoding': 'gzip', 'content-length': 100 }).end(),
    );
    expect(
      await text(await ownSend()({ method: 'HEAD', url, signal: inTime(), headers: [] })),
    ).toBe('');
  });
  test('a flood of header fields is response_too_large', async () => {
    const url = await rawOrigin((socket) => {
      socket.write('HTTP/1.1 200 OK\r\n');
      const flood = () => {
        while (!socket.destroyed && socket.write(`x: ${'y'.repeat(8000)}\r\n`));
      };
      socket.on('drain', flood);
      flood();
    });
    await expect(
      ownSend()({ method: 'GET', url, signal: inTime(), headers: [] }),
    ).rejects.toMatchObject({
      code: 'response_too_large',
    });
  });
  test('fields that are not ASCII do no harm', async () => {
    const url = await rawOrigin((socket) =>
      socket.write(Buffer.from('HTTP/1.1 200 OK\r\nx: 日本\r\ncontent-length: 0\r\n\r\n')),
    );
    const { headers } = await ownSend()({ method: 'GET', url, signal: inTime(), headers: [] });
    expect(Buffer.from(headers.get('x') ?? '', 'latin1').toString()).toBe('日本');
  });
  test('a body nobody reads can be destroyed', async () => {
    const url = await origin((_request, response) => response.end('x'.repeat(1_000_000)));
    (await ownSend()({ method: 'GET', url, signal: inTime(), headers: [] })).body.destroy();
    await new Promise((resolve) => setImmediate(resolve));
  });
});

describe('time', () => {
  test('a head that does not come', async () => {
    const url = await rawOrigin(() => {});
    await expect(
      sendBy({ headersTimeout: 50 })({ method: 'GET', url, headers: [], signal: inTime() }),
    ).rejects.toMatchObject({ code: 'timeout' });
  });
  test('a body that stops', async () => {
    const url = await rawOrigin((socket) =>
      socket.write('HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf'),
    );
    await expect(
      sendBy({ bodyTimeout: 50 })({ method: 'GET', url, headers: [], signal: inTime() }).then(text),
    ).rejects.toMatchObject({ code: 'timeout' });
  });
  test('the whole', async () => {
    const url = await rawOrigin(() => {});
    await expect(
      ownSend()({ method: 'GET', url, headers: [], signal: inTime(50) }),
    ).rejects.toMatchObject({ code: 'timeout' });
  });
  test('cancelling is at once, also in the middle of a body', async () => {
    const url = await rawOrigin((socket) =>
      socket.write('HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf'),
    );
    const controller = new AbortController();
    const answer = await ownSend()({
      method: 'GET',
      url,
      headers: [],
      signal: within(30_000, controller.signal).deadline,
    });
    const reading = readBody(answer, { maxBytes: 100, signal: controller.signal });
    controller.abort();
    await expect(reading).rejects.toMatchObject({ code: 'cancelled' });
  });
});

describe('certificates', () => {
  test('one that is not trusted is tls_untrusted and names the variable; with that variable it is trusted', async () => {
    const { key, cert, certFile } = certificateFor('localhost');
    const server = createServer({ key, cert }, (_request, response) =>
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync('secure')),
    );
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => {
      server.close();
    });
    const url = new URL(`https://localhost:${(server.address() as AddressInfo).port}/`);
    await expect(
      ownSend()({ method: 'GET', url, signal: inTime(), headers: [] }),
    ).rejects.toMatchObject({
      code: 'tls_untrusted',
      nextStep: [{ do: 'trust_certificate' }],
    });
    const script = path.join(temporaryFolder(), 'get.mjs');
    const { build } = await import('esbuild');
    await build({
      entryPoints: [path.join(import.meta.dirname, 'children/get.ts')],
      outfile: script,
      bundle: true,
      platform: 'node',
      format: 'esm',
      banner: {
        js: "import{createRequire as c}from'node:module';const require=c(import.meta.url);",
      },
    });
    const { stdout } = await promisify(execFile)(process.execPath, [script, url.href], {
      env: { ...process.env, NODE_EXTRA_CA_CERTS: certFile },
    });
    expect(stdout).toBe('secure');
    expect(readFileSync(certFile, 'utf8')).toContain('BEGIN CERTIFICATE');
  });
});
