/**
 * Waiting with an end. A request can only be sent under a `Deadline`, and only `within` makes one: what
 * waits for the network without a bound does not compile.
 */
import { abortFailure } from '../failures.ts';
import { firstOf } from './first-of.ts';

declare const bounded: unique symbol;
export type Deadline = AbortSignal & { readonly [bounded]: true };

export interface Within {
  readonly signal: Deadline;
  /** Takes the bound away when what it was for has come; the callers' signals stay. */
  lift(): void;
  /** Lets the callers' signals go as well. */
  release(): void;
}

/** Aborts after `milliseconds`, or as soon as one of the callers' signals does. */
export function within(milliseconds: number, ...callers: (AbortSignal | undefined)[]): Within {
  const bound = AbortSignal.timeout(milliseconds);
  const { signal, release } = firstOf(bound, ...callers);
  return { signal: signal as Deadline, lift: () => release(bound), release: () => release() };
}

/** For a relay alone: its client waits as long as it likes, and what it waits for ends when it goes. */
export function whileClientWaits(client: AbortSignal): Within {
  const { signal, release } = firstOf(client);
  return { signal: signal as Deadline, lift: () => {}, release: () => release() };
}

/** `work` in `milliseconds` altogether. Throws `timeout` and `cancelled`, and what `work` throws. */
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
 * The one who waits leaves when `signal` aborts; the work goes on. For what others wait for as well,
 * and for what must not be cut short, such as a refresh, whose new token would be lost.
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
