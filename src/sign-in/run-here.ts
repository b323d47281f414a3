/**
 * Runs a sign-in that only this process can finish, because its secret is never stored. Every few seconds
 * it renews `aliveAt` in the record on disk, so that other processes see that it is still running.
 */
import { type Abortable, Ending } from '../abortable.ts';
import { AccessError } from '../errors.ts';
import { firstOf } from '../http/waiting/first-of.ts';
import type { Log } from '../log.ts';
import type { Clock, RecordStore } from '../session/ports.ts';
import type { PendingSignIn, Session } from '../session/records.ts';
import type { Sessions } from '../session/sessions.ts';
import { failed, isSameSignIn } from './pending.ts';
import { unexpected } from './sign-in.ts';

/** Resolves with the session to store. */
export type Run = (signal: Abortable) => Promise<Session>;

/** Stores the session that `run` resolves with, or the reason why it failed. */
export type RunHere = (pending: PendingSignIn, run: Run, signal: Abortable) => Promise<Session>;

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

  /** Returns a function that stops the heartbeat and resolves once nothing more will be written. */
  const startHeartbeat = (pending: PendingSignIn, signal: Abortable): (() => Promise<void>) => {
    const stopped = new Ending();
    const { signal: either, release } = firstOf(signal, stopped);
    const beat = async (): Promise<void> => {
      while (!either.aborted) {
        await clock.sleep(heartbeatEveryMs, either);
        if (!(await isCurrent(pending)) || either.aborted) return;
        await store.write('pending', pending.resource, { ...pending, aliveAt: clock.now() });
      }
    };
    // It rejects when aborted. If the record cannot be written, other processes merely begin a sign-in of
    // their own.
    const ended = beat().catch(() => {});
    return () => {
      stopped.abort();
      release();
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

function reasonOf(error: unknown, signal: Abortable): AccessError {
  if (signal.aborted && signal.reason instanceof AccessError) return signal.reason;
  return error instanceof AccessError ? error : unexpected(error);
}
