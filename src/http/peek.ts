/** Looks at the beginning of an answer's body without losing it for whoever reads it afterwards. */

import { Readable } from 'node:stream';
import { decodedBody, undecodable } from './body.ts';
import { networkFailure } from './failures.ts';
import { fieldsFrom } from './fields.ts';
import type { Incoming } from './send.ts';
import { bounds } from './waiting/bounds.ts';
import type { Deadline } from './waiting/within.ts';

export interface Peeked<A extends Incoming> {
  /** At most `maxBytes` bytes of the decoded body, as UTF-8 or what is left of it. */
  readonly text: string;
  /** The same answer, its body decoded and whole. */
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
    // At once, also while a read is waiting for a peer that says nothing.
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
 * Lets an answer go that nobody reads: its end, if it comes soon, keeps the connection usable. One that
 * drips would hold it, and there are only so many to an origin.
 */
export function discard({ body }: Incoming): void {
  body.on('error', () => {});
  if ('dump' in body && typeof body.dump === 'function') {
    (
      body.dump({ limit: 65_536, signal: AbortSignal.timeout(bounds.discarded) }) as Promise<void>
    ).catch(() => {});
  } else body.destroy();
}
