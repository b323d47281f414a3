/**
 * WebSocket frames as a server sends them (RFC 6455 §5), read as a stream: the bytes of messages of any
 * size, as they come. Libraries put messages together first, however large they are.
 */
import { mostControlBytes, opcodes } from './frames.ts';

export type Piece =
  /** A part of a message: for a carrier of bytes it does not matter where one ends. */
  | { readonly kind: 'data'; readonly bytes: Buffer }
  | { readonly kind: 'ping' | 'pong'; readonly bytes: Buffer }
  /** `code` is absent where the server gives none. */
  | { readonly kind: 'close'; readonly code: number | undefined; readonly reason: string };

/** `code`: what the server is told (§7.4.1). */
export class ProtocolViolation extends Error {
  readonly code: number;

  constructor(words: string, code = 1002) {
    super(words);
    this.code = code;
  }
}

export interface FrameReader {
  /** Throws `ProtocolViolation`. */
  read(chunk: Buffer): Generator<Piece>;
  /** True between two frames of none or a whole message: where a connection may end. */
  readonly isWhole: boolean;
}

interface Frame {
  readonly opcode: number;
  left: number;
  /** A control frame's content so far. */
  readonly content: Buffer[] | undefined;
}

export function createFrameReader(): FrameReader {
  const head = Buffer.alloc(10);
  let headBytes = 0;
  let frame: Frame | undefined;
  let inMessage = false;

  const begin = (): Frame => {
    const [first = 0, second = 0] = head;
    const opcode = first & 0x0f;
    const isFinal = (first & 0x80) !== 0;
    if ((first & 0x70) !== 0) throw new ProtocolViolation('a reserved bit is set');
    if ((second & 0x80) !== 0) throw new ProtocolViolation('a server’s frame is masked');
    const left = payloadLength(head);
    if ((opcode & 0x8) !== 0) {
      if (opcode > opcodes.pong) throw new ProtocolViolation('a frame of an unknown kind');
      if (!isFinal) throw new ProtocolViolation('a control frame in parts');
      if (left > mostControlBytes) throw new ProtocolViolation('a control frame that is too long');
      return { opcode, left, content: [] };
    }
    if (opcode > opcodes.binary) throw new ProtocolViolation('a frame of an unknown kind');
    if ((opcode === opcodes.continuation) !== inMessage) {
      throw new ProtocolViolation(
        inMessage ? 'a message within another' : 'a continuation of none',
      );
    }
    inMessage = !isFinal;
    return { opcode, left, content: undefined };
  };

  return {
    get isWhole() {
      return headBytes === 0 && frame === undefined && !inMessage;
    },
    *read(chunk) {
      let at = 0;
      for (;;) {
        if (frame === undefined) {
          const wanted = headLength(head, headBytes);
          if (headBytes < wanted) {
            if (at === chunk.length) return;
            const taken = chunk.subarray(at, at + wanted - headBytes);
            head.set(taken, headBytes);
            headBytes += taken.length;
            at += taken.length;
            continue;
          }
          frame = begin();
          headBytes = 0;
        }
        const bytes = chunk.subarray(at, at + frame.left);
        at += bytes.length;
        frame.left -= bytes.length;
        if (frame.content === undefined) {
          if (bytes.length > 0) yield { kind: 'data', bytes };
        } else frame.content.push(bytes);
        // Its content goes on in the next chunk.
        if (frame.left > 0) return;
        const { opcode, content } = frame;
        frame = undefined;
        if (content) yield controlPiece(opcode, Buffer.concat(content));
      }
    },
  };
}

function headLength(head: Buffer, known: number): number {
  if (known < 2) return 2;
  const length = (head[1] as number) & 0x7f;
  return length === 126 ? 4 : length === 127 ? 10 : 2;
}

function payloadLength(head: Buffer): number {
  const length = (head[1] as number) & 0x7f;
  if (length < 126) return length;
  // §5.2: in as few bytes as will do.
  const given = length === 126 ? head.readUInt16BE(2) : Number(head.readBigUInt64BE(2));
  const isShortest = length === 126 ? given > 125 : given > 65_535 && given < 2 ** 63;
  if (!isShortest) throw new ProtocolViolation('a length that is not written as it must be');
  return given;
}

function controlPiece(opcode: number, bytes: Buffer): Piece {
  if (opcode === opcodes.ping) return { kind: 'ping', bytes };
  if (opcode === opcodes.pong) return { kind: 'pong', bytes };
  if (bytes.length === 0) return { kind: 'close', code: undefined, reason: '' };
  const code = bytes.length === 1 ? 0 : bytes.readUInt16BE(0);
  // §7.4: some are never sent, and the others below 3000 have to be defined first.
  const isKnown = code >= 1000 && code <= 1014 && ![1004, 1005, 1006].includes(code);
  if (!isKnown && !(code >= 3000 && code <= 4999)) {
    throw new ProtocolViolation('a close frame with no proper code');
  }
  return { kind: 'close', code, reason: bytes.toString('utf8', 2) };
}
