/**
 * Bounded waiting. Sending a request takes a `Deadline`, and only this file makes them, so code that waits
 * for the network without a limit does not compile.
 */
import { abortFailure } from '../failures.ts';
import { firstOf } from './first-of.ts';

declare const bounded: unique symbol;
export type Deadline = AbortSignal & { readonly [bounded]: true };

export interface Within {
  readonly signal: Deadline;
  /** Removes the time limit once what it was for has arrived; the callers' signals still apply. */
  lift(): void;
  /** Stops following the callers' signals as well. */
  release(): void;
}

/** Aborts after `milliseconds`, or as soon as one of the callers' signals does. */
export function within(milliseconds: number, ...callers: (AbortSignal | undefined)[]): Within {
  const bound = AbortSignal.timeout(milliseconds);
  const { signal, release } = firstOf(bound, ...callers);
  return { signal: signal as Deadline, lift: () => release(bound), release: () => release() };
}

/** Only for the relay, whose client may wait as long as it likes. Aborts when the client leaves. */
export function whileClientWaits(client: AbortSignal): Within {
  return { signal: client as Deadline, lift: () => {}, release: () => {} };
}

/**
 * Runs `work` within `milliseconds` altogether. Throws `timeout` and `cancelled`, and what `work` throws.
 */
export async function inAll<T>(
  milliseconds: number,
  url: URL,
  caller: AbortSignal | undefined,
  work: (signal: Deadline) => Promise<T>,
): Promise<T> {
  const { signal, release } = within(milliseconds, caller);
  try {
    return await untilAborted(work(signal), signal, url);
  } finally {
    release();
  }
}

/**
 * Stops waiting when `signal` aborts, while the work goes on. For work that others wait for as well, and
 * for work that must not be interrupted, such as a refresh, whose new token would be lost.
 */
export async function untilAborted<T>(
  work: Promise<T>,
  signal: AbortSignal | undefined,
  url: URL,
): Promise<T> {
  if (signal === undefined) return work;
  let abort = () => {};
  const aborted = new Promise<never>((_, reject) => {
    abort = () => reject(abortFailure(signal, url));
  });
  if (signal.aborted) abort();
  else signal.addEventListener('abort', abort, { once: true });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}
