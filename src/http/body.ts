/** Reads an answer's body within limits on its size (after decoding) and on time. */

import type { Readable } from 'node:stream';
import type { Abortable } from '../abortable.ts';
import { AccessError } from '../errors.ts';
import { release } from '../receive-buffers.ts';
import { AnswerBody } from './answer-body.ts';
import { decoderFor, isDecodable } from './content-coding.ts';
import { networkFailure } from './failures.ts';
import type { Fields } from './fields.ts';
import type { Incoming } from './send.ts';

/** More layers than any server needs; each costs memory. */
const maxCodings = 3;

/**
 * The body with its content codings (RFC 9110 §8.4) undone. An unknown coding is left in place; see
 * `undecodable`. Throws `response_too_large` for more than three codings.
 */
export function decodedBody({ url, headers, body }: Incoming): Readable {
  const codings = codingsOf(headers);
  if (codings.length > maxCodings) {
    body.on('error', () => {});
    body.destroy();
    throw new AccessError(
      'response_too_large',
      `The answer from ${url.host} is encoded ${codings.length} times over.`,
      [{ do: 'ask_operator', host: url.host, to: 'encode its answers only once' }],
    );
  }
  let stream = body;
  for (const coding of codings.reverse()) {
    const decoder = decoderFor(coding);
    if (!decoder) return stream;
    const encoded = stream;
    encoded.on('error', (error) => decoder.destroy(error));
    encoded.on('close', () => {
      if (!encoded.readableEnded) decoder.destroy(new Error('The connection was closed early.'));
    });
    decoder.on('close', () => encoded.destroy());
    stream = encoded.pipe(decoder);
  }
  return stream;
}

/** The content coding that this program cannot decode, if there is one. */
export function undecodable(headers: Fields): string | undefined {
  return codingsOf(headers).find((coding) => !isDecodable(coding));
}

/** Whether text in it could not be found: a coding that compresses nothing (`identity`, `utf-8`) hides none. */
export function isCompressed(headers: Fields): boolean {
  return codingsOf(headers).some(isDecodable);
}

function codingsOf(headers: Fields): string[] {
  return (headers.get('content-encoding') ?? '')
    .split(',')
    .map((coding) => coding.trim().toLowerCase())
    .filter((coding) => coding !== '' && coding !== 'identity');
}

export interface ReadBody {
  readonly bytes: Buffer<ArrayBuffer>;
  /** False when `bytes` is not the whole body: it is longer than `maxBytes`, or time ran out. */
  readonly complete: boolean;
  /** Why it is not complete. */
  readonly stopped?: 'size' | 'time';
}

export interface ReadLimits {
  readonly maxBytes: number;
  /** The request's signal; when it aborts, reading fails. */
  readonly signal?: Abortable;
  /** When it aborts, what has arrived is the result: for event streams and other endless bodies. */
  readonly until?: Abortable;
}

/** Throws AccessError as `Send` does when the connection or the coding breaks. */
export async function readBody(
  answer: Incoming,
  { maxBytes, signal, until }: ReadLimits,
): Promise<ReadBody> {
  const whole = wholeBody(answer, maxBytes);
  if (whole) return { bytes: joined(whole), complete: true };
  const stream = decodedBody(answer);
  const chunks: Buffer[] = [];
  let size = 0;
  let stopped: ReadBody['stopped'];
  const time = stopSignal(until);
  stream.on('error', () => {});
  const iterator = stream[Symbol.asyncIterator]();
  try {
    while (!stopped) {
      // A race, because a silent stream does not notice that it was destroyed.
      const next = await Promise.race([iterator.next(), time.reached]);
      if (next === 'time') stopped = next;
      else if (next.done) break;
      else {
        chunks.push(next.value.subarray(0, maxBytes - size));
        size += next.value.length;
        if (size > maxBytes) stopped = 'size';
      }
    }
  } catch (error) {
    throw networkFailure(error, answer.url, signal);
  } finally {
    time.release();
    stream.destroy();
    answer.body.destroy();
  }
  const bytes = joined(chunks);
  return stopped ? { bytes, complete: false, stopped } : { bytes, complete: true };
}

/** What has come with the head already, uncoded: most short bodies. */
function wholeBody({ headers, body }: Incoming, maxBytes: number): Buffer[] | undefined {
  if (!(body instanceof AnswerBody) || headers.has('content-encoding')) return undefined;
  return body.takeWhole(maxBytes);
}

function joined(chunks: readonly Buffer[]): Buffer<ArrayBuffer> {
  const bytes = Buffer.concat(chunks);
  for (const chunk of chunks) release(chunk);
  return bytes;
}

function stopSignal(until: Abortable | undefined) {
  let stop = () => {};
  const reached = new Promise<'time'>((resolve) => {
    stop = () => resolve('time');
  });
  if (until?.aborted) stop();
  until?.addEventListener('abort', stop, { once: true });
  return { reached, release: () => until?.removeEventListener('abort', stop) };
}
