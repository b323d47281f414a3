/**
 * Frees the memory of what has been sent of an upload. Node's HTTP parser copies each read into a buffer
 * of its own, and V8 lets 32 MiB of such buffers gather before it collects them (twice the most that its
 * young generation may hold), beside those that it is just freeing.
 */
import { MessageChannel } from 'node:worker_threads';

/**
 * A sender that pauses where a socket asks it to has less than the socket's mark unsent (16 KiB, 64 KiB
 * from Node 22 on), and one chunk of 64 KiB. If memory were freed earlier, whatever is there by then would
 * be sent (over http, to loopback; TLS has taken a copy), so twice as much is left alone.
 */
const maybeUnsentBytes = 256 * 1024;
/** Smaller ones are collected soon enough, with what Node allocates for each. */
const leastBytes = 8 * 1024;

export interface SentChunks {
  /**
   * `chunk` is passed on, and the sender is the last to use it. `waiting`: how many bytes the sender has
   * not begun with.
   */
  add(chunk: Buffer, waiting: number): void;
}

/** For one sending, in order. */
export function createSentChunks(): SentChunks {
  const chunks: Buffer[] = [];
  let bytes = 0;
  return {
    add(chunk, waiting) {
      if (chunk.length < leastBytes) return;
      chunks.push(chunk);
      bytes += chunk.length;
      for (let [first] = chunks; first; [first] = chunks) {
        const since = bytes - first.length - waiting;
        if (since < maybeUnsentBytes) return;
        chunks.shift();
        bytes -= first.length;
        free(first);
      }
    },
  };
}

/**
 * Whoever posts a buffer's memory to another thread no longer has it, and here is nobody at the other end
 * to receive it. (`ArrayBuffer.prototype.transfer` does the same from Node 21 on.)
 */
const { port1: toNobody, port2: otherEnd } = new MessageChannel();
otherEnd.close();

/** Frees the memory of `chunk`, which is empty from now on. Memory that it shares stays as it is. */
export function free(chunk: Buffer): void {
  const { buffer } = chunk;
  if (buffer.byteLength === chunk.length && buffer instanceof ArrayBuffer) {
    toNobody.postMessage(undefined, [buffer]);
  }
}
