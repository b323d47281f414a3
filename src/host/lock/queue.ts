/** A queue for each name within one process: one caller at a time, in the order of arrival. */
import type { Clock } from '../../session/ports.ts';

export interface Queues {
  /**
   * Resolves with the function that ends the turn, or with undefined when the turn did not come within
   * `patienceMs`. Rejects with the signal's reason when aborted.
   */
  enter(name: string, patienceMs: number, signal?: AbortSignal): Promise<(() => void) | undefined>;
}

export function createQueues(clock: Clock): Queues {
  /** The waiting callers, by name. A name has an entry while somebody has its turn. */
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
      patience.catch(() => {}); // aborted when the turn comes
      try {
        const came = await Promise.race([turn, patience]);
        // Already taken out of the queue: the turn came just as the time ran out.
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
