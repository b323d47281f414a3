/**
 * One signal for several. Not `AbortSignal.any`, which holds its sources weakly, so that a timeout may be
 * garbage-collected before it fires, and which takes three times as long.
 */
import { type Abortable, Ending } from '../../abortable.ts';

export interface FirstOf {
  /** Aborts as soon as one of them does, with its reason. */
  readonly signal: Abortable;
  /** Stops following the given sources, or all of them. */
  release(...some: Abortable[]): void;
}

export function firstOf(...sources: (Abortable | undefined)[]): FirstOf {
  const signal = new Ending();
  const release = follow(sources, (reason) => signal.abort(reason));
  return { signal, release };
}

/**
 * Calls `abort` with the reason of the first of `sources` that aborts, at once if one already has. Returns
 * what stops following some of them, or all.
 */
export function follow(
  sources: readonly (Abortable | undefined)[],
  abort: (reason: unknown) => void,
): (...some: Abortable[]) => void {
  const followed: { readonly source: Abortable; readonly aborted: () => void }[] = [];
  for (const source of sources) {
    if (source === undefined) continue;
    const aborted = () => abort(source.reason);
    if (source.aborted) aborted();
    else {
      followed.push({ source, aborted });
      source.addEventListener('abort', aborted, { once: true });
    }
  }
  return (...some) => {
    for (const { source, aborted } of followed) {
      if (some.length > 0 && !some.includes(source)) continue;
      source.removeEventListener('abort', aborted);
    }
  };
}
