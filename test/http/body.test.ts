import { Readable } from 'node:stream';
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { readBody } from '../../src/http/body.ts';
import { decodableCodings } from '../../src/http/content-coding.ts';
import { answerOf } from './origin.ts';

const text = 'The quick brown fox. '.repeat(500);
const read = (body: Buffer | string, coding: string, maxBytes = 1e6) =>
  readBody(answerOf(body, { 'content-encoding': coding }), { maxBytes });

describe('content codings (RFC 9110 §8.4.1)', () => {
  const codings: Record<string, [string, Buffer]> = {
    gzip: ['gzip', gzipSync(text)],
    'x-gzip in capitals': ['X-GZIP', gzipSync(text)],
    'deflate as RFC 1950 has it': ['deflate', deflateSync(text)],
    'deflate without the zlib header': ['deflate', deflateRawSync(text)],
    br: ['br', brotliCompressSync(text)],
    identity: ['identity', Buffer.from(text)],
    'two layers': ['gzip, br', brotliCompressSync(gzipSync(text))],
  };
  for (const [name, [coding, body]] of Object.entries(codings)) {
    test(`undoes ${name}`, async () =>
      expect((await read(body, coding)).bytes.toString()).toBe(text));
  }
  test('raw deflate whose first byte comes alone', async () => {
    const body = deflateRawSync(text);
    const answer = answerOf([body.subarray(0, 1), body.subarray(1)], {
      'content-encoding': 'deflate',
    });
    expect((await readBody(answer, { maxBytes: 1e6 })).bytes.toString()).toBe(text);
  });
  test('an empty body of any coding is empty, as after HEAD', async () => {
    for (const coding of decodableCodings) expect((await read('', coding)).bytes).toHaveLength(0);
  });
  test('a body cut short or that is not what it says is a network_error, not half an answer', async () => {
    await expect(read(gzipSync(text).subarray(0, 40), 'gzip')).rejects.toMatchObject({
      code: 'network_error',
    });
    for (const coding of ['gzip', 'br', 'deflate']) {
      await expect(
        read(Buffer.from([0xff, 0xfe, 1, 2, 3, 4, 5, 6, 7, 8]), coding),
      ).rejects.toMatchObject({ code: 'network_error' });
    }
  });
  test('an unknown coding is left as it is', async () =>
    expect((await read('abc', 'aws-chunked')).bytes.toString()).toBe('abc'));
  test('more than three layers are refused', async () => {
    await expect(read('x', 'gzip, gzip, gzip, gzip')).rejects.toMatchObject({
      code: 'response_too_large',
    });
  });
});

describe('limits', () => {
  test('the size counts after decoding: a bomb is stopped at the limit', async () => {
    const bomb = gzipSync(gzipSync(Buffer.alloc(200 * 1024 * 1024)));
    const { bytes, complete, stopped } = await read(bomb, 'gzip, gzip', 100_000);
    expect([bytes.length, complete, stopped]).toEqual([100_000, false, 'size']);
  });
  test('exactly the limit is complete', async () => {
    expect(await read('abcd', '', 4)).toMatchObject({ complete: true });
    expect((await read('abcde', '', 4)).bytes.toString()).toBe('abcd');
  });
  test('an endless event stream gives what came until time was up', async () => {
    async function* events() {
      for (let at = 0; ; at += 1) {
        yield Buffer.from(`data: ${at}\n\n`);
        await new Promise((resolve) => setTimeout(resolve, at < 3 ? 1 : 1e6).unref());
      }
    }
    const { bytes, stopped } = await readBody(answerOf(events()), {
      maxBytes: 1e6,
      until: AbortSignal.timeout(150),
    });
    expect(bytes.toString()).toContain('data: 2\n\n');
    expect(stopped).toBe('time');
  });
  test('cancelling is a failure, and at once', async () => {
    const controller = new AbortController();
    const answer = answerOf(
      (async function* () {
        yield Buffer.from('x');
        await new Promise(() => {});
      })(),
    );
    const reading = readBody(answer, { maxBytes: 1e6, signal: controller.signal });
    controller.abort();
    answer.body.destroy(new Error('aborted'));
    await expect(reading).rejects.toMatchObject({ code: 'cancelled' });
  });
  test('the connection is let go when the limit is reached', async () => {
    const body = new Readable({
      read() {
        this.push(Buffer.alloc(65_536));
      },
    });
    await readBody({ ...answerOf(''), body }, { maxBytes: 1000 });
    expect(body.destroyed).toBe(true);
  });
});
