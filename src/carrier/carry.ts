/**
 * Bytes between a local end and a WebSocket, both ways and no faster than either takes them, so that the
 * memory it needs does not depend on how much passes. There is no half-close (cloudflare-access.md §8):
 * when one end is done, what is under way is still delivered, and then both are.
 */
import type { Duplex, Writable } from 'node:stream';
import type { Abortable } from '../abortable.ts';
import { AccessError } from '../errors.ts';
import { networkFailure } from '../http/failures.ts';
import { quoteServerText } from '../server-text.ts';
import { createFrameReader, ProtocolViolation } from './frame-reader.ts';
import { createFrameWriter, type FrameWriter, writableAgain } from './frame-writer.ts';

export interface LocalEnd {
  /** Not to be ended by whoever stops reading it. */
  readonly chunks: AsyncIterable<Buffer>;
  readonly writable: Writable;
}

const normal = 1000;
const goingAway = 1001;
/** How the other end says that it is done, as opposed to that something has failed. */
const ordinary: readonly number[] = [normal, goingAway];
/** Of silence, when our end has been told: for what is under way, and the other end's word. */
const closingMs = 10_000;
const leavingMs = 300;

/**
 * Resolves when one end is done and all bytes are handed on, or when `signal` aborts. Throws AccessError
 * where bytes may be lost. `local` is left as it is: who has opened it closes it.
 */
export async function carry(
  local: LocalEnd,
  socket: Duplex,
  { url, signal }: { readonly url: URL; readonly signal: Abortable },
): Promise<void> {
  const writer = createFrameWriter(socket);
  const { chunks, writable } = local;
  let isOver = false;
  /** The other end is not waited for any more. */
  let isLeft = false;
  /** Nobody takes what comes. */
  let isUnheard = false;
  let timer: NodeJS.Timeout | undefined;
  const leaveAfter = (ms: number): void => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      isLeft = true;
      socket.destroy();
    }, ms);
  };
  const endHere = (): void => writer.close(normal, () => leaveAfter(closingMs));
  const unheard = (): void => {
    isUnheard = true;
    endHere();
  };
  const leave = (): void => {
    writer.close(goingAway);
    leaveAfter(leavingMs);
  };
  const heard = (): void => {
    if (timer && !signal.aborted && !isUnheard) leaveAfter(closingMs);
  };
  socket.on('error', () => {});
  writable.on('error', unheard).on('close', unheard);
  signal.addEventListener('abort', leave, { once: true });
  if (signal.aborted) leave();

  const upward = async (): Promise<void> => {
    try {
      for await (const chunk of chunks) {
        if (isOver) return;
        await writer.data(chunk);
      }
    } catch {
      // A local end that breaks off is one that is done.
    }
    if (!isOver) endHere();
  };
  void upward();
  try {
    await downward(writable, socket, writer, { url, signal, heard });
  } catch (error) {
    if (!isLeft && !signal.aborted) throw error;
  } finally {
    isOver = true;
    clearTimeout(timer);
    signal.removeEventListener('abort', leave);
    writable.off('error', unheard).off('close', unheard);
    socket.end();
    setTimeout(() => socket.destroy(), closingMs).unref();
  }
}

async function downward(
  to: Writable,
  socket: Duplex,
  writer: FrameWriter,
  {
    url,
    signal,
    heard,
  }: { readonly url: URL; readonly signal: Abortable; readonly heard: () => void },
): Promise<void> {
  const reader = createFrameReader();
  try {
    for await (const chunk of socket.iterator({ destroyOnReturn: false })) {
      heard();
      for (const piece of reader.read(chunk as Buffer)) {
        if (piece.kind === 'data') {
          // For a local end that has left, it is read and forgotten.
          if (!to.destroyed && !to.write(piece.bytes)) await writableAgain(to, signal);
        } else if (piece.kind === 'ping') writer.pong(piece.bytes);
        else if (piece.kind === 'close') {
          const { code = normal, reason } = piece;
          writer.close(code);
          if (ordinary.includes(code)) return;
          throw brokenOff(
            url,
            `with the code ${code}${reason ? `: ${quoteServerText(reason)}` : ''}`,
          );
        }
      }
    }
  } catch (error) {
    if (!(error instanceof ProtocolViolation)) throw networkFailure(error, url);
    writer.close(error.code);
    throw brokenOff(url, `by what is no WebSocket message: ${error.message}`);
  }
  if (!reader.isWhole) throw brokenOff(url, 'in the middle of a message');
}

function brokenOff({ host }: URL, how: string): AccessError {
  return new AccessError('network_error', `The connection through ${host} has ended ${how}.`, [
    { do: 'retry' },
    { do: 'ask_operator', when: 'persists', host, to: 'look into it' },
  ]);
}
