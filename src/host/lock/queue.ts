/** Turns within one process: for each name one at a time, in the order of asking. */
import type { Clock } from '../../session/ports.ts';

export interface Turns {
  /**
   * Resolves with the function that ends the turn, or with undefined when it did not come within
   * `patienceMs`. Rejects with the signal's reason when aborted.
   */
  enter(name: string, patienceMs: number, signal?: AbortSignal): Promise<(() => void) | undefined>;
}

export function createTurns(clock: Clock): Turns {
  /** Who waits, by name; a name is there while its turn is taken. */
  const waiting = new Map<string, Set<() => void>>();

  function leave(name: string): void {
    const queue = waiting.get(name);
    const next = queue?.values().next().value;
    if (queue === undefined || next === undefined) {
      waiting.delete(name);
      return;
    }
    queue.delete(next);
    next();
  }

  function once(name: string): () => void {
    let left = false;
    return () => {
      if (!left) leave(name);
      left = true;
    };
  }

  return {
    async enter(name, patienceMs, signal) {
      const queue = waiting.get(name);
      if (queue === undefined) {
        waiting.set(name, new Set());
        return once(name);
      }
      const stop = new AbortController();
      let wake = (): void => {};
      const turn = new Promise<true>((resolve) => {
        wake = () => resolve(true);
      });
      queue.add(wake);
      const patience = clock
        .sleep(patienceMs, signal ? AbortSignal.any([signal, stop.signal]) : stop.signal)
        .then(() => false as const);
      patience.catch(() => {}); // it loses the race when the turn comes
      try {
        const came = await Promise.race([turn, patience]);
        // Taken out of the queue already: the turn came in the same moment as the end of patience.
        if (came || !queue.delete(wake)) return once(name);
        return undefined;
      } catch (error) {
        if (!queue.delete(wake)) leave(name);
        throw error;
      } finally {
        stop.abort();
      }
    },
  };
}
