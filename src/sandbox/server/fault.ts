/** Misbehaving on purpose, so that a client's failure paths can be tested. */
import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Answer, Fields, Plan } from './answer.ts';
import type { RecordedRequest } from './request-log.ts';

/**
 * How to misbehave. `reset` cuts the connection, and `status` replaces the real answer; with either, the
 * work is not done unless `afterWork` is set (an answer that was lost on its way). Otherwise the work is
 * done, and `headers` and `body` replace those of the real answer.
 */
export interface Fault {
  readonly status?: number;
  readonly headers?: Fields;
  readonly body?: string | Uint8Array;
  readonly delayMs?: number;
  readonly reset?: true;
  readonly afterWork?: true;
}

export type FaultHook = (
  request: RecordedRequest,
) => Fault | undefined | Promise<Fault | undefined>;

/** Undefined: cut the connection. */
export async function carryOut(
  plan: Plan,
  fault: Fault | undefined,
  gone: AbortSignal,
): Promise<Answer | undefined> {
  if (fault === undefined) return plan.work();
  const delay = async () => {
    // A client that leaves does not stop the work; it only ends the delay.
    if (fault.delayMs !== undefined) {
      await sleep(fault.delayMs, undefined, { signal: gone }).catch(() => undefined);
    }
  };
  const instead = fault.reset === true || fault.status !== undefined;
  if (!fault.afterWork) await delay();
  const real = instead && !fault.afterWork ? undefined : await plan.work();
  if (fault.afterWork) await delay();
  if (fault.reset) return undefined;
  if (instead || real === undefined) {
    return { status: fault.status ?? 500, headers: fault.headers ?? {}, body: fault.body ?? '' };
  }
  if (fault.body === undefined) {
    return { ...real, headers: { ...real.headers, ...lowerCased(fault.headers ?? {}) } };
  }
  if (real.body instanceof Readable) real.body.destroy();
  const { 'content-length': _, ...headers } = real.headers ?? {};
  return {
    ...real,
    headers: { ...headers, ...lowerCased(fault.headers ?? {}) },
    body: fault.body,
  };
}

function lowerCased(headers: Fields): Fields {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]),
  );
}
