import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EventTooLarge, readEvents, type ServerEvent } from '../../src/bridge/event-stream.ts';

async function read(parts: readonly Uint8Array[], mostCharacters = 1000) {
  const events: ServerEvent[] = [];
  const retries: number[] = [];
  const body = (async function* () {
    yield* parts;
  })();
  const onRetry = (ms: number) => void retries.push(ms);
  for await (const event of readEvents(body, { mostCharacters, onRetry })) events.push(event);
  return { events, retries };
}
const whole = (text: string) => read([Buffer.from(text)]);
const message = (data: string, lastId = '') => ({ type: 'message', data, lastId });

describe('events (HTML Living Standard §9.2.6)', () => {
  it.each([
    ['one', 'data: a\n\n', [message('a')]],
    ['without the space', 'data:a\n\n', [message('a')]],
    ['one space is cut, not two', 'data:  a\n\n', [message(' a')]],
    ['of several lines', 'data: a\ndata: b\ndata\n\n', [message('a\nb\n')]],
    [
      'with a type',
      'event: x\ndata: a\n\ndata: b\n\n',
      [{ ...message('a'), type: 'x' }, message('b')],
    ],
    [
      'with an id that stays',
      'id: 1\ndata: a\n\ndata: b\n\n',
      [message('a', '1'), message('b', '1')],
    ],
    ['with an id alone', 'id: 1\n\n', [message('', '1')]],
    [
      'whose id is taken back',
      'id: 1\ndata: a\n\nid\ndata: b\n\n',
      [message('a', '1'), message('b')],
    ],
    ['whose id holds a NUL', 'id: 1\0\ndata: a\n\n', [message('a')]],
    ['behind a byte order mark', '\uFEFFdata: a\n\n', [message('a')]],
    ['comments and unknown fields', ': ping\nfoo: bar\n\ndata: a\n\n', [message('a')]],
    ['cut off by the end', 'data: a\n', []],
  ])('%s', async (_, text, expected) => {
    expect((await whole(text)).events).toEqual(expected);
  });

  it('retry is a number of milliseconds, and nothing else', async () => {
    expect((await whole('retry: 10\nretry: 1e3\nretry: -1\nretry: x\n\n')).retries).toEqual([10]);
  });

  it('lines end in CR LF, LF or CR, wherever the bytes are divided', async () => {
    const line = fc.constantFrom('data: ä€😀', 'data: b', 'event: x', 'id: 7', ': c', '');
    const end = fc.constantFrom('\r\n', '\n', '\r');
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(line, end), { maxLength: 20 }),
        fc.array(fc.nat(200), { maxLength: 10 }),
        async (lines, cuts) => {
          // An LF behind a CR is one end, not two.
          const ends = lines.map(([text, given], at) =>
            given === '\r' && lines[at + 1]?.[0] === '' && lines[at + 1]?.[1] === '\n'
              ? [text, '\n']
              : [text, given],
          );
          const bytes = Buffer.from(ends.map((each) => each.join('')).join(''));
          const places = [...cuts.map((cut) => Math.min(cut, bytes.length))].sort((a, b) => a - b);
          const parts = [...places, bytes.length].map((to, at) =>
            bytes.subarray(places[at - 1] ?? 0, to),
          );
          const plain = Buffer.from(ends.map(([text]) => `${text}\n`).join(''));
          expect((await read(parts)).events).toEqual((await read([plain])).events);
        },
      ),
    );
  });

  it('that have no end are not read without one', async () => {
    const endless = Array.from({ length: 20 }, () => Buffer.from('x'.repeat(100)));
    await expect(read(endless)).rejects.toThrow(EventTooLarge);
    await expect(whole('data: x\n'.repeat(300))).rejects.toThrow(EventTooLarge);
  });
});
