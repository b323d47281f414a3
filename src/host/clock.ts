/** The system's clock, as session/ports.ts defines it. */
import type { Clock } from '../session/ports.ts';

// Longer delays overflow setTimeout's 32 bits, which would make it fire at once.
const longestDelayMs = 2_147_483_647;

export function createClock(): Clock {
  return {
    now: () => Date.now(),
    sleep: (milliseconds, signal) =>
      new Promise((resolve, reject) => {
        if (signal?.aborted) {
          reject(signal.reason);
          return;
        }
        const onAbort = (): void => {
          clearTimeout(timer);
          reject(signal?.reason);
        };
        const timer = setTimeout(
          () => {
            signal?.removeEventListener('abort', onAbort);
            resolve();
          },
          Math.min(Math.max(milliseconds, 0), longestDelayMs),
        );
        signal?.addEventListener('abort', onAbort, { once: true });
      }),
  };
}
