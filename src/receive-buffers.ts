/**
 * The buffers that sockets receive into. Node allocates a buffer for each read, which V8 counts against
 * its small heap and collects all the time; here a fast stream fills a few large buffers that are reused.
 */
import type { OnReadOpts, Socket } from 'node:net';

type Memory = Buffer<ArrayBuffer>;

/**
 * The buffer that a connection starts with, and keeps as long as its reads do not fill it; such reads are
 * copied out.
 */
const smallBytes = 64 * 1024;
const largeBytes = 512 * 1024;
const maxSpare = 8;

const spare: Memory[] = [];
/**
 * For the large buffers that were passed on: how many of the received bytes have not been released yet.
 */
const inUse = new WeakMap<ArrayBufferLike, number>();
/**
 * The next buffer. Node requests it right after the callback that reports what was read into the last one.
 */
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
 * Declares that nobody will look at `chunk`, a part of what was received, again. Call it once per chunk.
 * When everything that a buffer received has been released, the buffer is reused; one of which a part is
 * never released is simply garbage-collected.
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
