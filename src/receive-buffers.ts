/**
 * Where sockets put what they receive. Node makes a buffer a read, which V8 counts against its small
 * heap and collects all the time; here a quick stream fills a few large ones that are used again.
 */
import type { OnReadOpts, Socket } from 'node:net';

type Memory = Buffer<ArrayBuffer>;

/** What a connection starts with, and keeps while its reads are shorter: those are copied out. */
const smallBytes = 64 * 1024;
const largeBytes = 512 * 1024;
const maxSpare = 8;

const spare: Memory[] = [];
/** Of the large ones that were handed on: how many of the bytes received are not yet released. */
const inUse = new WeakMap<ArrayBufferLike, number>();
/** Node asks for the socket's next buffer right after it has told what came into the last. */
let next: Memory | undefined;

const large = (): Memory => spare.pop() ?? Buffer.allocUnsafeSlow(largeBytes);

/** For `net.connect` and `tls.connect`. */
export const receiveBuffers: OnReadOpts = {
  buffer() {
    const buffer = next ?? Buffer.allocUnsafeSlow(smallBytes);
    next = undefined;
    return buffer;
  },
  callback(this: Socket, bytes: number, into: Uint8Array) {
    const buffer = into as Memory;
    const received = buffer.subarray(0, bytes);
    if (buffer.length === smallBytes || bytes < smallBytes) {
      next = bytes === smallBytes ? large() : buffer;
      return this.push(Buffer.from(received));
    }
    next = large();
    inUse.set(buffer.buffer, bytes);
    return this.push(received);
  },
};

/**
 * Says that nobody will look at `chunk` again, a part of what was received, to be said once. When it
 * was said of all that one buffer has received, the buffer is used again; of a part that was copied or
 * forgotten it is never said, and its buffer goes the way of all memory.
 */
export function release(chunk: Uint8Array): void {
  const { buffer } = chunk;
  const before = inUse.get(buffer);
  if (before === undefined) return;
  if (chunk.length < before) {
    inUse.set(buffer, before - chunk.length);
    return;
  }
  inUse.delete(buffer);
  if (spare.length < maxSpare) spare.push(Buffer.from(buffer as ArrayBuffer));
}
