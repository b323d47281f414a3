import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as ws from 'ws';
import { createFrameReader, type Piece } from '../../src/carrier/frame-reader.ts';
import { closeFrame, frame, opcodes } from '../../src/carrier/frames.ts';

/** Its types leave these out. */
const { Receiver, Sender } = ws as unknown as {
  Receiver: new (options: object) => NodeJS.WritableStream;
  Sender: new (
    socket: object,
  ) => {
    send(content: Buffer, options: object, done: () => void): void;
  };
};

/** A server's frame, by hand. */
function served(
  opcode: number,
  content: Uint8Array,
  {
    final = true,
    first = 0,
    second = 0,
    length,
  }: { final?: boolean; first?: number; second?: number; length?: Buffer } = {},
): Buffer {
  const size = content.length;
  const given =
    length ??
    (size < 126
      ? Buffer.from([size])
      : size < 65_536
        ? Buffer.from([126, size >> 8, size & 255])
        : Buffer.concat([Buffer.from([127, 0, 0, 0, 0]), uint32(size)]));
  given[0] = (given[0] ?? 0) | second;
  return Buffer.concat([Buffer.from([(final ? 0x80 : 0) | opcode | first]), given, content]);
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

function read(bytes: Buffer, cuts: readonly number[] = []) {
  const reader = createFrameReader();
  const places = [
    ...new Set([0, ...cuts.map((cut) => Math.min(cut, bytes.length)), bytes.length]),
  ].sort((a, b) => a - b);
  const pieces: Piece[] = [];
  for (const [at, from] of places.entries()) {
    for (const piece of reader.read(bytes.subarray(from, places[at + 1] ?? bytes.length)))
      pieces.push(piece);
  }
  const data = pieces.flatMap((piece) => (piece.kind === 'data' ? [piece.bytes] : []));
  const others = pieces.filter(({ kind }) => kind !== 'data');
  return { data: Buffer.concat(data), others, isWhole: reader.isWhole };
}

const sizes = [0, 1, 125, 126, 127, 65_535, 65_536, 200_000];

describe('frames of a client (RFC 6455 §5.2)', () => {
  it.each(sizes)('are what another implementation reads: %s bytes', async (size) => {
    const content = Buffer.alloc(size, 'some content ');
    const receiver = new Receiver({ isServer: true, maxPayload: 1e9 });
    const heard = new Promise<Buffer>((resolve, reject) => {
      receiver.on('message', (data: Buffer) => resolve(data));
      receiver.on('error', reject);
    });
    receiver.write(frame(opcodes.binary, content));
    expect((await heard).equals(content)).toBe(true);
  });

  it('are masked, each with a key of its own (§5.3)', () => {
    const keys = Array.from({ length: 3000 }, () => {
      const written = frame(opcodes.binary, Buffer.alloc(8));
      expect((written[1] ?? 0) & 0x80).toBe(0x80);
      const key = written.subarray(2, 6).toString('hex');
      // Zeros, masked, are the key.
      expect(written.subarray(6).toString('hex')).toBe(key + key);
      return key;
    });
    expect(new Set(keys).size).toBeGreaterThan(2990);
  });

  it('leave what they are made of as it is', () => {
    const content = Buffer.from('abc');
    frame(opcodes.binary, content);
    expect(content.toString()).toBe('abc');
  });

  it('that close give a code, and a reason that fits', () => {
    const written = closeFrame(1000, 'x'.repeat(200));
    expect((written[1] ?? 0) & 0x7f).toBe(125);
  });
});

describe('frames of a server', () => {
  it.each(sizes)('of another implementation are read: %s bytes', async (size) => {
    const content = Buffer.alloc(size, 'some content ');
    const parts: Buffer[] = [];
    const socket = {
      cork() {},
      uncork() {},
      write: (part: Buffer) => parts.push(Buffer.from(part)),
    };
    const sender = new Sender(socket);
    sender.send(
      content,
      { binary: true, fin: true, mask: false, compress: false } as never,
      () => {},
    );
    const { data, isWhole } = read(Buffer.concat(parts));
    expect(data.equals(content)).toBe(true);
    expect(isWhole).toBe(true);
  });

  it('are read alike, however the bytes are divided and the messages fragmented', () => {
    const messages = fc.array(
      fc.record({
        parts: fc.array(fc.uint8Array({ maxLength: 300 }), { minLength: 1, maxLength: 4 }),
        ping: fc.option(fc.uint8Array({ maxLength: 125 })),
        text: fc.boolean(),
      }),
      { maxLength: 5 },
    );
    fc.assert(
      fc.property(messages, fc.array(fc.nat(3000), { maxLength: 20 }), (all, cuts) => {
        const pings: string[] = [];
        const frames = all.flatMap(({ parts, ping, text }) =>
          parts.flatMap((part, at) => {
            const opcode = at > 0 ? opcodes.continuation : text ? opcodes.text : opcodes.binary;
            const one = served(opcode, part, { final: at === parts.length - 1 });
            if (ping === null) return [one];
            pings.push(Buffer.from(ping).toString('hex'));
            return [one, served(opcodes.ping, ping)];
          }),
        );
        const { data, others, isWhole } = read(Buffer.concat(frames), cuts);
        const sent = Buffer.concat(
          all.flatMap(({ parts }) => parts.map((part) => Buffer.from(part))),
        );
        expect(data.equals(sent)).toBe(true);
        expect(others.map((piece) => 'bytes' in piece && piece.bytes.toString('hex'))).toEqual(
          pings,
        );
        expect(isWhole).toBe(true);
      }),
    );
  });

  it('hand on what has come of a message of any length', () => {
    const head = Buffer.concat([Buffer.from([0x82, 127]), Buffer.from('0000040000000000', 'hex')]);
    const { data, isWhole } = read(Buffer.concat([head, Buffer.from('the beginning of 4 TiB')]));
    expect(data.toString()).toBe('the beginning of 4 TiB');
    expect(isWhole).toBe(false);
  });

  const empty = Buffer.alloc(0);
  it.each([
    ['a reserved bit', served(opcodes.binary, empty, { first: 0x40 })],
    ['another reserved bit', served(opcodes.ping, empty, { first: 0x10 })],
    ['a mask', served(opcodes.binary, Buffer.alloc(4), { second: 0x80 })],
    ['an unknown kind', served(0x3, empty)],
    ['an unknown control frame', served(0xb, empty)],
    ['a control frame in parts', served(opcodes.ping, empty, { final: false })],
    ['a control frame that is too long', served(opcodes.ping, Buffer.alloc(126))],
    ['a continuation of nothing', served(opcodes.continuation, empty)],
    [
      'a message within another',
      Buffer.concat([
        served(opcodes.binary, empty, { final: false }),
        served(opcodes.binary, empty),
      ]),
    ],
    [
      '125 bytes in a long length',
      served(opcodes.binary, Buffer.alloc(125), { length: Buffer.from([126, 0, 125]) }),
    ],
    [
      '65535 bytes in the longest length',
      served(opcodes.binary, empty, { length: Buffer.from([127, 0, 0, 0, 0, 0, 0, 255, 255]) }),
    ],
    [
      'a negative length',
      served(opcodes.binary, empty, { length: Buffer.from([127, 128, 0, 0, 0, 0, 1, 0, 0]) }),
    ],
    ['half a code at the close', served(opcodes.close, Buffer.from([3]))],
    ['a code that is never sent', served(opcodes.close, Buffer.from([0x03, 0xee]))],
    ['a code that is not defined', served(opcodes.close, Buffer.from([0x07, 0xd0]))],
  ])('with %s break the protocol', (_, bytes) => {
    expect(() => read(bytes)).toThrow(/./);
    const places = Array.from({ length: bytes.length }, (_each, at) => at);
    expect(() => read(bytes, places)).toThrow(/./);
  });

  it.each([
    ['no code', empty, { code: undefined, reason: '' }],
    ['a code', Buffer.from([0x03, 0xe8]), { code: 1000, reason: '' }],
    ['a reason', Buffer.from([0x0f, 0xa0, ...Buffer.from('ü')]), { code: 4000, reason: 'ü' }],
  ])('close with %s', (_, content, expected) => {
    expect(read(served(opcodes.close, content)).others).toEqual([{ kind: 'close', ...expected }]);
  });
});
