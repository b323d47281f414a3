/**
 * Bounded waiting. Sending a request takes a `Deadline`, and only this file makes them, so code that waits
 * for the network without a limit does not compile.
 */
import { type Abortable, TimeLimit } from '../../abortable.ts';
import { abortFailure } from '../failures.ts';
import { follow } from './first-of.ts';

declare const bounded: unique symbol;
export interface Deadline extends Abortable {
  readonly [bounded]: true;
}

export interface Within {
  readonly deadline: Deadline;
  /** Removes the time limit once what it was for has arrived; the callers' signals still apply. */
  lift(): void;
  /** Stops following the callers' signals as well. */
  release(): void;
}

/** Aborts after `milliseconds`, or as soon as one of the callers' signals does. */
export function within(milliseconds: number, ...callers: (Abortable | undefined)[]): Within {
  const limit = new TimeLimit(milliseconds);
  const release = follow(callers, (reason) => limit.abort(reason));
  return {
    deadline: limit as Abortable as Deadline,
    lift: () => limit.lift(),
    release() {
      limit.lift();
      release();
    },
  };
}

/** Only for the relay, whose client may wait as long as it likes. Aborts when the client leaves. */
export function whileClientWaits(client: Abortable): Within {
  return { deadline: client as Deadline, lift: () => {}, release: () => {} };
}

/**
 * Runs `work` within `milliseconds` altogether. Throws `timeout` and `cancelled`, and what `work` throws.
 */
export async function inAll<T>(
  milliseconds: number,
  url: URL,
  caller: Abortable | undefined,
  work: (signal: Abortable) => Promise<T>,
): Promise<T> {
  const { deadline, release } = within(milliseconds, caller);
  try {
    return await untilAborted(work(deadline), deadline, url);
  } finally {
    release();
  }
}

/**
 * Stops waiting when `signal` aborts, while the work goes on. For work that others wait for as well, and
 * for work that must not be interrupted, such as a refresh, whose new token would be lost. `unwanted` takes
 * a result for which nobody waits any more.
 */
export function untilAborted<T>(
  work: Promise<T>,
  signal: Abortable | undefined,
  url: URL,
  unwanted?: (result: T) => void,
): Promise<T> {
  if (signal === undefined) return work;
  return new Promise((resolve, reject) => {
    let isOver = signal.aborted;
    // Where the work fails of the same abort, its own words come first.
    const abort = () => {
      isOver = true;
      queueMicrotask(() => reject(abortFailure(signal, url)));
    };
    if (isOver) abort();
    else signal.addEventListener('abort', abort, { once: true });
    work.then(
      (result) => {
        signal.removeEventListener('abort', abort);
        if (isOver) unwanted?.(result);
        else resolve(result);
      },
      (error) => {
        signal.removeEventListener('abort', abort);
        reject(error);
      },
    );
  });
}
