/** Wakes waiting callers of this process early, so that they check again. */
import { type Abortable, Ending } from '../abortable.ts';
import { firstOf } from '../http/waiting/first-of.ts';
import type { Clock } from '../session/ports.ts';

export interface WakeUp {
  all(): void;
  /** Resolves after `milliseconds`, or on wake-up; rejects with the signal's reason when aborted. */
  sleep(milliseconds: number, signal?: Abortable): Promise<void>;
}

export function createWakeUp(clock: Clock): WakeUp {
  const sleepers = new Set<Ending>();
  return {
    all() {
      for (const sleeper of sleepers) sleeper.abort();
    },
    async sleep(milliseconds, signal) {
      const sleeper = new Ending();
      const until = firstOf(signal, sleeper);
      sleepers.add(sleeper);
      try {
        await clock.sleep(milliseconds, until.signal);
      } catch (error) {
        if (!sleeper.aborted || signal?.aborted) throw error;
      } finally {
        sleepers.delete(sleeper);
        until.release();
      }
    },
  };
}
