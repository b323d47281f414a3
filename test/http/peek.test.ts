import { once } from 'node:events';
import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { readBody } from '../../src/http/body.ts';
import { discard, peek } from '../../src/http/peek.ts';
import { inTime } from '../support/in-time.ts';
import { eventually } from '../support/mcp-server.ts';
import { answerOf, directSend, rawOrigin } from './origin.ts';

test('looks at the beginning and loses nothing of it', async () => {
  const text = 'abcdefghij'.repeat(20_000);
  const { text: seen, answer } = await peek(
    answerOf(gzipSync(text), { 'content-encoding': 'gzip' }),
    100,
    inTime(),
  );
  expect(seen).toBe(text.slice(0, 100));
  expect(answer.headers.has('content-encoding')).toBe(false);
  expect((await readBody(answer, { maxBytes: 1e6 })).bytes.toString()).toBe(text);
});

test('an answer that ends within the look, and an empty one', async () => {
  for (const text of ['short', '']) {
    const { text: seen, answer } = await peek(answerOf(text), 100, inTime());
    expect([seen, (await readBody(answer, { maxBytes: 10 })).bytes.toString()]).toEqual([
      text,
      text,
    ]);
  }
});

test('a coding that cannot be undone stays named', async () => {
  const { answer } = await peek(
    answerOf('abc', { 'content-encoding': 'aws-chunked' }),
    1,
    inTime(),
  );
  expect(answer.headers.get('content-encoding')).toBe('aws-chunked');
});

test('destroying it lets the connection go, though the peer says nothing', async () => {
  const silent = answerOf(
    (async function* () {
      yield Buffer.from('x');
      await new Promise(() => {});
    })(),
  );
  const { answer } = await peek(silent, 1, inTime());
  const { bytes, stopped } = await readBody(answer, {
    maxBytes: 10,
    until: AbortSignal.timeout(30),
  });
  expect([bytes.toString(), stopped, silent.body.destroyed]).toEqual(['x', 'time', true]);
});

test('an answer that nobody reads keeps no connection by dripping (SECURITY.md, 6)', async () => {
  let closed = false;
  const url = await rawOrigin((socket) => {
    socket.write('HTTP/1.1 200 OK\r\ncontent-length: 60000\r\n\r\n');
    const timer = setInterval(() => socket.write('x'), 100);
    socket.on('close', () => {
      clearInterval(timer);
      closed = true;
    });
  });
  discard(await directSend()({ method: 'GET', url, headers: [], signal: inTime() }));
  await eventually(() => closed || undefined, 5_000);
});

test('and leaves its connection to the next request where it ends', async () => {
  const seen = new Set<number>();
  const url = await rawOrigin((socket, _, connection) => {
    seen.add(connection);
    socket.write('HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nhere');
  });
  const send = directSend();
  for (let at = 0; at < 3; at += 1) {
    const answer = await send({ method: 'GET', url, headers: [], signal: inTime() });
    const ended = once(answer.body, 'close');
    discard(answer);
    await ended;
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(seen.size).toBe(1);
});
