/** What a client writes on a WebSocket: data as the connection takes it, the last ping's answer, one close. */
import type { Writable } from 'node:stream';
import type { Abortable } from '../abortable.ts';
import { closeFrame, frame, opcodes } from './frames.ts';

export interface FrameWriter {
  /** Resolves when more can be taken. */
  data(chunk: Uint8Array): Promise<void>;
  /** Answers a ping; of several that wait, the last one (RFC 6455 §5.5.3). */
  pong(content: Uint8Array): void;
  /** Nothing follows it. `onWritten` when it is on its way. */
  close(code: number, onWritten?: () => void): void;
}

export function createFrameWriter(socket: Writable): FrameWriter {
  let isClosed = false;
  let unanswered: Uint8Array | undefined;
  const canWrite = () => !isClosed && !socket.destroyed && !socket.writableEnded;
  return {
    data: async (chunk) => {
      if (canWrite() && !socket.write(frame(opcodes.binary, chunk))) await writableAgain(socket);
    },
    pong(content) {
      if (!canWrite()) return;
      if (!socket.writableNeedDrain) {
        socket.write(frame(opcodes.pong, content));
        return;
      }
      const isWaiting = unanswered !== undefined;
      unanswered = content;
      if (isWaiting) return;
      void writableAgain(socket).then(() => {
        if (unanswered && canWrite()) socket.write(frame(opcodes.pong, unanswered));
        unanswered = undefined;
      });
    },
    close(code, onWritten = () => {}) {
      if (!canWrite()) return;
      socket.write(closeFrame(code), onWritten);
      isClosed = true;
    },
  };
}

/** Resolves when `stream` takes more, or never will, and when `until` aborts. */
export function writableAgain(stream: Writable, until?: Abortable): Promise<void> {
  return new Promise((resolve) => {
    const events = ['drain', 'close', 'error', 'finish'];
    const done = () => {
      for (const event of events) stream.off(event, done);
      until?.removeEventListener('abort', done);
      resolve();
    };
    for (const event of events) stream.on(event, done);
    until?.addEventListener('abort', done);
    if (until?.aborted) done();
  });
}
