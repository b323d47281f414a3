/**
 * One signal for several. Not `AbortSignal.any`, which holds its sources weakly, so that a timeout may be
 * garbage-collected before it fires, and which takes three times as long.
 */
export interface FirstOf {
  /** Aborts as soon as one of them does, with its reason. */
  readonly signal: AbortSignal;
  /** Stops following the given sources, or all of them. */
  release(...some: AbortSignal[]): void;
}

export function firstOf(...sources: (AbortSignal | undefined)[]): FirstOf {
  const controller = new AbortController();
  const given = sources.filter((each) => each !== undefined);
  const follow = ({ target }: { target: EventTarget | null }) =>
    controller.abort((target as AbortSignal).reason);
  for (const each of given) {
    if (each.aborted) controller.abort(each.reason);
    else each.addEventListener('abort', follow, { once: true });
  }
  return {
    signal: controller.signal,
    release(...some) {
      for (const each of some.length > 0 ? some : given) each.removeEventListener('abort', follow);
    },
  };
}
