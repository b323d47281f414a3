import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { readBody } from '../../src/http/body.ts';
import { peek } from '../../src/http/peek.ts';
import { answerOf } from './origin.ts';

test('looks at the beginning and loses nothing of it', async () => {
  const text = 'abcdefghij'.repeat(20_000);
  const { text: seen, answer } = await peek(
    answerOf(gzipSync(text), { 'content-encoding': 'gzip' }),
    100,
  );
  expect(seen).toBe(text.slice(0, 100));
  expect(answer.headers.has('content-encoding')).toBe(false);
  expect((await readBody(answer, { maxBytes: 1e6 })).bytes.toString()).toBe(text);
});

test('an answer that ends within the look, and an empty one', async () => {
  for (const text of ['short', '']) {
    const { text: seen, answer } = await peek(answerOf(text), 100);
    expect([seen, (await readBody(answer, { maxBytes: 10 })).bytes.toString()]).toEqual([
      text,
      text,
    ]);
  }
});

test('a coding that cannot be undone stays named', async () => {
  const { answer } = await peek(answerOf('abc', { 'content-encoding': 'aws-chunked' }), 1);
  expect(answer.headers.get('content-encoding')).toBe('aws-chunked');
});

test('destroying it lets the connection go, though the peer says nothing', async () => {
  const silent = answerOf(
    (async function* () {
      yield Buffer.from('x');
      await new Promise(() => {});
    })(),
  );
  const { answer } = await peek(silent, 1);
  const { bytes, stopped } = await readBody(answer, {
    maxBytes: 10,
    until: AbortSignal.timeout(30),
  });
  expect([bytes.toString(), stopped, silent.body.destroyed]).toEqual(['x', 'time', true]);
});
