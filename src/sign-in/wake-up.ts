/** Wakes those who wait in this process before their time is up. */
import type { Clock } from '../session/ports.ts';

export interface Bell {
  ring(): void;
  /** Resolves after `milliseconds`, or when the bell rings. */
  wait(milliseconds: number): Promise<void>;
}

export function createBell(clock: Clock): Bell {
  const waiting = new Set<AbortController>();
  return {
    ring() {
      for (const controller of waiting) controller.abort();
    },
    async wait(milliseconds) {
      const controller = new AbortController();
      waiting.add(controller);
      try {
        await clock.sleep(milliseconds, controller.signal);
      } catch (error) {
        if (!controller.signal.aborted) throw error;
      } finally {
        waiting.delete(controller);
      }
    },
  };
}
