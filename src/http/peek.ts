/**
 * Reads the beginning of an answer's body in such a way that the whole body can still be read afterwards.
 */

import { Readable } from 'node:stream';
import { decodedBody, undecodable } from './body.ts';
import { networkFailure } from './failures.ts';
import { fieldsFrom } from './fields.ts';
import type { Incoming } from './send.ts';
import { bounds } from './waiting/bounds.ts';
import type { Deadline } from './waiting/within.ts';

export interface Peeked<A extends Incoming> {
  /** At most `maxBytes` bytes of the decoded body, decoded as UTF-8. */
  readonly text: string;
  /** The same answer with its whole body, decoded. */
  readonly answer: A;
}

/** Throws what `Send` throws when the connection or the coding breaks. */
export async function peek<A extends Incoming>(
  answer: A,
  maxBytes: number,
  signal: Deadline,
): Promise<Peeked<A>> {
  const stream = decodedBody(answer);
  const chunks: AsyncIterator<Buffer> = stream[Symbol.asyncIterator]();
  const seen: Buffer[] = [];
  let size = 0;
  let ended = false;
  try {
    while (size < maxBytes && !ended) {
      const { value, done } = await chunks.next();
      if (done) ended = true;
      else {
        seen.push(value);
        size += value.length;
      }
    }
  } catch (error) {
    throw networkFailure(error, answer.url, signal);
  }
  const text = Buffer.concat(seen).subarray(0, maxBytes).toString('utf8');
  const headers =
    undecodable(answer.headers) === undefined
      ? fieldsFrom(answer.headers, { without: 'content-encoding' })
      : answer.headers;
  const body: Readable = new Readable({
    read() {
      const first = seen.shift();
      if (first) body.push(first);
      else if (ended) body.push(null);
      else {
        chunks.next().then(
          ({ value, done }) => body.push(done ? null : value),
          (error) => body.destroy(error),
        );
      }
    },
    // Immediately, even while a read is waiting for a silent peer.
    destroy(error, callback) {
      stream.destroy();
      answer.body.destroy();
      callback(error);
    },
  });
  return {
    text,
    answer: { ...answer, headers, body },
  };
}

/**
 * Discards an answer that nobody reads. If its end arrives soon, the connection can be reused; a slow one
 * is cut off, because the number of connections to an origin is limited.
 */
export function discard({ body }: Incoming): void {
  body.on('error', () => {});
  if ('dump' in body && typeof body.dump === 'function') {
    (
      body.dump({ limit: 65_536, signal: AbortSignal.timeout(bounds.discarded) }) as Promise<void>
    ).catch(() => {});
  } else body.destroy();
}
