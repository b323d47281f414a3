/** How long to wait before requesting a stream again that has ended. */
import type { Abortable } from '../abortable.ts';

export interface Patience {
  /** The delay that the server asks for, in milliseconds. */
  readonly setRetry: (ms: number) => void;
  /** Resets the delay after a success. */
  readonly reset: () => void;
  /** The number of consecutive failures. */
  readonly failures: () => number;
  /** Resolves after the next wait, longer after each failure; rejects on abort. */
  readonly wait: (signal: Abortable) => Promise<void>;
  readonly failed: () => void;
}

const firstMs = 1_000;
const mostMs = 30_000;
/** The delays that a server may ask for. With none, it could have its stream requested without a pause, for ever. */
const [leastRetryMs, mostRetryMs] = [100, 60_000];
const factor = 1.5;

export function createPatience(): Patience {
  let retryMs = firstMs;
  let failures = 0;
  return {
    setRetry(ms) {
      retryMs = Math.min(Math.max(ms, leastRetryMs), mostRetryMs);
    },
    reset() {
      failures = 0;
    },
    failures: () => failures,
    failed() {
      failures += 1;
    },
    wait(signal) {
      const ms = Math.max(
        retryMs,
        failures === 0 ? 0 : Math.min(mostMs, firstMs * factor ** (failures - 1)),
      );
      return new Promise((resolve, reject) => {
        if (signal.aborted) return reject(signal.reason);
        const end = () => {
          clearTimeout(timer);
          reject(signal.reason);
        };
        const timer = setTimeout(() => {
          signal.removeEventListener('abort', end);
          resolve();
        }, ms);
        signal.addEventListener('abort', end, { once: true });
      });
    },
  };
}
