/**
 * Runs a sign-in that only this process can finish, because its secret is never stored. The record on
 * disk tells other processes, every few seconds, that this one is still alive.
 */
import { AccessError } from '../errors.ts';
import type { Log } from '../log.ts';
import type { Clock, RecordStore } from '../session/ports.ts';
import type { PendingSignIn, Session } from '../session/records.ts';
import type { Sessions } from '../session/sessions.ts';
import { failed, isSameSignIn } from './pending.ts';
import { unexpected } from './sign-in.ts';

/** Resolves with the session to keep. */
export type Run = (signal: AbortSignal) => Promise<Session>;

/** Keeps the session that `run` brings, or why it brought none. */
export type RunHere = (pending: PendingSignIn, run: Run, signal: AbortSignal) => Promise<Session>;

const heartbeatEveryMs = 3_000;

export function createRunHere({
  store,
  clock,
  log,
  sessions,
}: {
  readonly store: RecordStore;
  readonly clock: Clock;
  readonly log: Log;
  readonly sessions: Sessions;
}): RunHere {
  const isCurrent = async (pending: PendingSignIn): Promise<boolean> =>
    isSameSignIn(pending, await store.read('pending', pending.resource));

  /** Gives what stops it, which resolves once nothing more is written. */
  const startHeartbeat = (pending: PendingSignIn, signal: AbortSignal): (() => Promise<void>) => {
    const stopped = new AbortController();
    const either = AbortSignal.any([signal, stopped.signal]);
    const beat = async (): Promise<void> => {
      while (!either.aborted) {
        await clock.sleep(heartbeatEveryMs, either);
        if (!(await isCurrent(pending)) || either.aborted) return;
        await store.write('pending', pending.resource, { ...pending, aliveAt: clock.now() });
      }
    };
    // Ends by abort. If the record cannot be written, others merely start a sign-in of their own.
    const ended = beat().catch(() => {});
    return () => {
      stopped.abort();
      return ended;
    };
  };

  return async (pending, run, signal) => {
    const stopHeartbeat = startHeartbeat(pending, signal);
    try {
      const session = await run(signal).finally(stopHeartbeat);
      await sessions.save(session);
      if (await isCurrent(pending)) await store.remove('pending', pending.resource);
      return session;
    } catch (error) {
      const reason = reasonOf(error, signal);
      log('warn', 'a sign-in failed', { resource: pending.resource, code: reason.code });
      if (await isCurrent(pending)) {
        await store.write('pending', pending.resource, failed(pending, reason));
      }
      throw reason;
    }
  };
}

function reasonOf(error: unknown, signal: AbortSignal): AccessError {
  if (signal.aborted && signal.reason instanceof AccessError) return signal.reason;
  return error instanceof AccessError ? error : unexpected(error);
}
