/** `--retry`: which failures pass by themselves, and how long to wait for that, as curl has it. */
import { curlFailureIn, exitCodeFor, systemCodeOf } from './exit-code.ts';

export interface RetryOptions {
  /** How often to try once more. */
  readonly retry?: number;
  /** Seconds between two attempts, in the place of the ones that double. */
  readonly retryDelay?: number;
  /** Seconds after which no further attempt begins; 0: none. */
  readonly retryMaxTime?: number;
  readonly retryConnrefused?: true;
  readonly retryAllErrors?: true;
}

/** Timeout, too many requests, and what servers and gateways say when they are overloaded or restarted. */
export function isTransientStatus(status: number): boolean {
  return [408, 429, 500, 502, 503, 504].includes(status);
}

/** Host not found and too slow; nobody listening only if that is asked for. A failed sign-in never is one. */
export function isTransientFailure(
  error: unknown,
  { retryConnrefused, retryAllErrors }: RetryOptions,
): boolean {
  const exitCode = exitCodeFor(curlFailureIn(error) ?? error);
  if (exitCode === 6 || exitCode === 28) return true;
  if (retryAllErrors) return ofTheNetwork.includes(exitCode);
  return retryConnrefused === true && systemCodeOf(error) === 'ECONNREFUSED';
}

/** With --retry-all-errors. What is wrong on this side, or with a sign-in, stays wrong. */
const ofTheNetwork: readonly number[] = [7, 8, 18, 22, 35, 52, 56, 61];

export function whyTransient(error: unknown): string {
  switch (exitCodeFor(curlFailureIn(error) ?? error)) {
    case 6:
      return 'The host was not found';
    case 28:
      return 'It took too long';
    case 7:
      return 'Nobody listens there';
    default:
      return 'It has failed';
  }
}

const firstDelay = 1;
const longestDelay = 600;

export interface Retries {
  /** Seconds to wait before the next attempt; `undefined` where there is none. */
  next(retryAfter: string | null): number | undefined;
  /** How many are left after that one. */
  left(): number;
}

/** Those of one transfer, which begins now. */
export function createRetries(options: RetryOptions): Retries {
  const { retry = 0 } = options;
  const retryMaxTime = options.retryMaxTime || Number.POSITIVE_INFINITY;
  const startedAt = performance.now();
  let attempts = 0;
  return {
    left: () => retry - attempts,
    next(retryAfter) {
      if (attempts >= retry) return undefined;
      const delay = delayBefore(attempts + 1, options, retryAfter, Date.now());
      const elapsed = (performance.now() - startedAt) / 1000;
      // What the server asks for may be longer than the person waits.
      if (elapsed > retryMaxTime || (retryAfter !== null && elapsed + delay > retryMaxTime)) {
        return undefined;
      }
      attempts += 1;
      return delay;
    },
  };
}

/** Seconds: what the server asks for (RFC 9110 §10.2.3), what was given, or twice as long each time. */
export function delayBefore(
  attempt: number,
  { retryDelay }: Pick<RetryOptions, 'retryDelay'>,
  retryAfter: string | null,
  now: number,
): number {
  const asked = retryAfter === null ? 0 : secondsIn(retryAfter, now);
  if (asked > 0) return asked;
  if (retryDelay !== undefined && retryDelay > 0) return retryDelay;
  return Math.min(firstDelay * 2 ** (attempt - 1), longestDelay);
}

/** Seconds or a date; 0 for what is neither, and for what is over. */
function secondsIn(value: string, now: number): number {
  if (/^\d{1,9}$/.test(value.trim())) return Number(value);
  const date = Date.parse(value);
  return Number.isNaN(date) ? 0 : Math.max(0, Math.ceil((date - now) / 1000));
}
