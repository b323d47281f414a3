/** WebSocket frames as a client writes them (RFC 6455 §5.2): each whole, and masked with a key of its own. */
import { randomFillSync } from 'node:crypto';

export const opcodes = {
  continuation: 0x0,
  text: 0x1,
  binary: 0x2,
  close: 0x8,
  ping: 0x9,
  pong: 0xa,
} as const;

/** Of a control frame's content (§5.5). */
export const mostControlBytes = 125;

/** Drawn ahead: a call to the system for each frame would cost more than the frame. */
const keys = Buffer.alloc(4096);
let nextKey = keys.length;

export function frame(opcode: number, content: Uint8Array): Buffer {
  const { length } = content;
  const lengthBytes = length < 126 ? 0 : length < 65_536 ? 2 : 8;
  const start = 2 + lengthBytes + 4;
  const written = Buffer.allocUnsafe(start + length);
  written[0] = 0x80 | opcode;
  written[1] = 0x80 | (lengthBytes === 0 ? length : lengthBytes === 2 ? 126 : 127);
  if (lengthBytes === 2) written.writeUInt16BE(length, 2);
  if (lengthBytes === 8) written.writeBigUInt64BE(BigInt(length), 2);
  if (nextKey === keys.length) {
    // Unpredictable, so that nobody on the way can be made to take a message for something else (§10.3).
    randomFillSync(keys);
    nextKey = 0;
  }
  const key = keys.subarray(nextKey, nextKey + 4);
  nextKey += 4;
  written.set(key, start - 4);
  mask(content, key, written, start);
  return written;
}

/** §7.4: the code and the reason, which together fit into a control frame. */
export function closeFrame(code: number, reason = ''): Buffer {
  const words = Buffer.from(reason).subarray(0, mostControlBytes - 2);
  const content = Buffer.alloc(2 + words.length);
  content.writeUInt16BE(code);
  content.set(words, 2);
  return frame(opcodes.close, content);
}

/** §5.3. */
function mask(content: Uint8Array, key: Uint8Array, into: Uint8Array, start: number): void {
  const [a = 0, b = 0, c = 0, d = 0] = key;
  const whole = content.length & ~3;
  for (let at = 0; at < whole; at += 4) {
    into[start + at] = (content[at] as number) ^ a;
    into[start + at + 1] = (content[at + 1] as number) ^ b;
    into[start + at + 2] = (content[at + 2] as number) ^ c;
    into[start + at + 3] = (content[at + 3] as number) ^ d;
  }
  for (let at = whole; at < content.length; at += 1) {
    into[start + at] = (content[at] as number) ^ (key[at & 3] as number);
  }
}
