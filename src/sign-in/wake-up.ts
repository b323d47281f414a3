/** Wakes waiting callers of this process early, so that they check again. */
import type { Clock } from '../session/ports.ts';

export interface WakeUp {
  all(): void;
  /** Resolves after `milliseconds`, or on wake-up; rejects with the signal's reason when aborted. */
  sleep(milliseconds: number, signal?: AbortSignal): Promise<void>;
}

export function createWakeUp(clock: Clock): WakeUp {
  const sleepers = new Set<AbortController>();
  return {
    all() {
      for (const sleeper of sleepers) sleeper.abort();
    },
    async sleep(milliseconds, signal) {
      const sleeper = new AbortController();
      sleepers.add(sleeper);
      try {
        await clock.sleep(
          milliseconds,
          signal ? AbortSignal.any([signal, sleeper.signal]) : sleeper.signal,
        );
      } catch (error) {
        if (!sleeper.signal.aborted || signal?.aborted) throw error;
      } finally {
        sleepers.delete(sleeper);
      }
    },
  };
}
