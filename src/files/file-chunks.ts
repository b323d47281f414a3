/**
 * A file's content in two buffers that take turns: one is sent while the other is filled. Nothing is left
 * for the garbage collector, which would let tens of megabytes gather before it looks.
 */
import type { FileHandle } from 'node:fs/promises';
import type { LentContent } from '../http/request-body.ts';

const chunkBytes = 1024 * 1024;

/** The first `bytes` bytes, less if the file has become shorter. Closes `handle` at the end. */
export function fileChunks(handle: FileHandle, bytes: number): LentContent {
  const buffers: Buffer[] = [];
  let turn = 0;
  let position = 0;
  let ahead: Promise<Uint8Array> | undefined;
  let closing: Promise<void> | undefined;

  const fill = async (): Promise<Uint8Array> => {
    const length = Math.min(chunkBytes, bytes - position);
    if (length === 0) return new Uint8Array();
    buffers[turn] ??= Buffer.allocUnsafeSlow(length);
    const buffer = buffers[turn] as Buffer;
    turn = 1 - turn;
    let filled = 0;
    while (filled < length) {
      const at = position + filled;
      const { bytesRead } = await handle.read(buffer, filled, length - filled, at);
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
    position = filled < length ? bytes : position + filled;
    return buffer.subarray(0, filled);
  };
  const close = async (): Promise<void> => {
    closing ??= Promise.allSettled([ahead]).then(() => handle.close());
    await closing.catch(() => {});
  };
  const next = async (): Promise<IteratorResult<Uint8Array, undefined>> => {
    const chunk = closing ? new Uint8Array() : await (ahead ?? fill());
    if (chunk.length === 0) {
      await close();
      return { done: true, value: undefined };
    }
    // What was lent before this chunk is free by now.
    ahead = fill();
    ahead.catch(() => {});
    return { done: false, value: chunk };
  };
  return {
    close,
    [Symbol.asyncIterator]: () => ({
      next,
      async return() {
        await close();
        return { done: true, value: undefined };
      },
    }),
  };
}
