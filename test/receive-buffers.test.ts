/** Memory that is used again never holds what somebody still looks at. */
import { createHash } from 'node:crypto';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { Agent } from 'undici';
import { expect, onTestFinished, test } from 'vitest';
import { createDispatcher } from '../src/http/dispatcher.ts';
import { createSend, type Send } from '../src/http/send.ts';
import { receiveBuffers, release } from '../src/receive-buffers.ts';
import { certificateFor } from './files/folders.ts';
import { origin } from './http/origin.ts';
import { inTime } from './support/in-time.ts';

const mebibyte = 1024 ** 2;

/** `/<seed>/<bytes>`: as many bytes, which the seed determines. */
async function seeded(): Promise<URL> {
  return origin((request, response) => {
    const [, seed, length] = (request.url ?? '').split('/');
    const size = Number(length);
    response.setHeader('content-length', size);
    Readable.from(contentOf(Number(seed), size), { objectMode: false }).pipe(response);
  });
}

function* contentOf(seed: number, size: number): Generator<Buffer> {
  for (let at = 0; at < size; at += mebibyte) {
    const block = Buffer.alloc(Math.min(mebibyte, size - at));
    for (let word = 0; word + 4 <= block.length; word += 4) {
      block.writeUInt32LE((seed * 2_654_435_761 + at + word) >>> 0, word);
    }
    yield block;
  }
}

function sha256(chunks: Iterable<Uint8Array>): string {
  const hash = createHash('sha256');
  for (const chunk of chunks) hash.update(chunk);
  return hash.digest('hex');
}

function ourSend(): Send {
  const dispatcher = createDispatcher({});
  onTestFinished(() => dispatcher.destroy());
  return createSend(dispatcher);
}

async function receive(send: Send, url: URL, onChunk: (chunk: Buffer) => unknown): Promise<void> {
  const { body } = await send({ method: 'GET', url, signal: inTime(), headers: [] });
  await new Promise<void>((resolve, reject) => {
    body.on('data', onChunk).on('end', resolve).on('error', reject);
  });
}

test('a long body that is released as it comes needs a few buffers', async () => {
  const at = await seeded();
  const memories = new Set<ArrayBufferLike>();
  const hash = createHash('sha256');
  let most = 0;
  await receive(ourSend(), new URL('/1/134217728', at), (chunk) => {
    memories.add(chunk.buffer);
    most = Math.max(most, chunk.length);
    hash.update(chunk);
    release(chunk);
  });
  expect(hash.digest('hex')).toBe(sha256(contentOf(1, 128 * mebibyte)));
  expect(most).toBeGreaterThan(64 * 1024);
  let bytes = 0;
  for (const memory of memories) bytes += memory.byteLength;
  expect(bytes).toBeLessThan(32 * mebibyte);
});

test('what nobody has released stays as it came', async () => {
  const at = await seeded();
  const send = ourSend();
  const kept: Buffer[] = [];
  await receive(send, new URL('/2/16777216', at), (chunk) => kept.push(chunk));
  await receive(send, new URL('/3/16777216', at), release);
  expect(sha256(kept)).toBe(sha256(contentOf(2, 16 * mebibyte)));
});

test('what was released in part stays as it came', async () => {
  const at = await seeded();
  const send = ourSend();
  const kept: Buffer[] = [];
  const before: string[] = [];
  await receive(send, new URL('/4/16777216', at), (chunk) => {
    const half = chunk.length >> 1;
    release(chunk.subarray(half));
    kept.push(chunk.subarray(0, half));
    before.push(sha256([chunk.subarray(0, half)]));
  });
  await receive(send, new URL('/5/16777216', at), release);
  expect(kept.map((half) => sha256([half]))).toEqual(before);
});

test('many bodies at once, read at different speeds, each have their own bytes', async () => {
  const at = await seeded();
  const send = ourSend();
  const seeds = Array.from({ length: 24 }, (_, index) => index + 10);
  const hashes = await Promise.all(
    seeds.map(async (seed) => {
      const { body } = await send({
        method: 'GET',
        url: new URL(`/${seed}/8388608`, at),
        signal: inTime(),
        headers: [],
      });
      const hash = createHash('sha256');
      for await (const chunk of body) {
        if (seed % 3 === 0) await new Promise((resolve) => setTimeout(resolve, 5));
        hash.update(chunk);
        if (seed % 2 === 0) release(chunk);
      }
      return hash.digest('hex');
    }),
  );
  expect(hashes).toEqual(seeds.map((seed) => sha256(contentOf(seed, 8 * mebibyte))));
});

test('short answers that are kept do not keep a buffer each', async () => {
  const at = await seeded();
  const send = ourSend();
  // The connection has large ones from then on.
  await receive(send, new URL('/1/16777216', at), release);
  const kept: Buffer[] = [];
  for (let index = 0; index < 200; index += 1) {
    await receive(send, new URL(`/${index}/1000`, at), (chunk) => kept.push(chunk));
  }
  const memories = new Set(kept.map(({ buffer }) => buffer));
  let bytes = 0;
  for (const memory of memories) bytes += memory.byteLength;
  expect(bytes).toBeLessThan(2 * mebibyte);
});

test('over TLS as well', async () => {
  const { key, cert } = certificateFor('localhost');
  const server = createServer({ key, cert }, (_, response) => {
    Readable.from(contentOf(7, 16 * mebibyte), { objectMode: false }).pipe(response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const agent = new Agent({ connect: { onread: receiveBuffers, ca: cert } });
  onTestFinished(async () => {
    await agent.destroy();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const hash = createHash('sha256');
  await receive(createSend(agent), new URL(`https://localhost:${port}/`), (chunk) => {
    hash.update(chunk);
    release(chunk);
  });
  expect(hash.digest('hex')).toBe(sha256(contentOf(7, 16 * mebibyte)));
});
