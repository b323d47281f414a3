/**
 * Sign-ins that only the process that started them can finish: a browser transfer, whose key pair is
 * never stored, and a device code. Others see a marker without secrets and wait for the session; when
 * the marker is no longer kept alive, its process is gone and the next one starts afresh.
 */
import { AccessError } from '../errors.ts';
import type { Log } from '../log.ts';
import type { Clock, Lock, RecordStore } from '../session/ports.ts';
import type { PendingSignIn, PersonMethod, Session } from '../session/records.ts';
import type { Sessions } from '../session/sessions.ts';
import type { ShownUrl } from '../shown-url.ts';
import type { AdmitSignIn } from './allowance.ts';
import {
  failureOf,
  finishedSignIn,
  type SignIn,
  Superseded,
  signInLifetimeMs,
  unexpected,
} from './sign-in.ts';

export interface LocalPlan {
  readonly authorizationUrl?: ShownUrl;
  readonly userCode?: string;
  readonly verificationUri?: ShownUrl;
  /** Resolves with the session to keep. */
  run(signal: AbortSignal): Promise<Session>;
}

export interface LocalSignIns {
  begin(request: {
    resource: string;
    method: PersonMethod;
    at: string;
    force: boolean;
    plan: () => Promise<LocalPlan>;
  }): Promise<SignIn>;
  /** Joins what another process has under way for one of `keys`. */
  join(keys: readonly string[]): Promise<SignIn | undefined>;
}

const aliveEveryMs = 3_000;
const deadAfterMs = 15_000;
const lookEveryMs = 500;

export function createLocalSignIns(parts: {
  readonly store: RecordStore;
  readonly lock: Lock;
  readonly clock: Clock;
  readonly log: Log;
  readonly sessions: Sessions;
  readonly admit: AdmitSignIn;
}): LocalSignIns {
  const { store, lock, clock, log, sessions, admit } = parts;

  const isAlive = (pending: PendingSignIn | undefined): pending is PendingSignIn => {
    if (!pending || pending.code || pending.failure) return false;
    const now = clock.now();
    return now < pending.expiresAt && Math.abs(now - pending.aliveAt) < deadAfterMs;
  };

  const begin: LocalSignIns['begin'] = ({ resource, method, at, force, plan }) =>
    lock.hold(`sign-in ${resource}`, async () => {
      const kept = await store.read('pending', resource);
      if (!force && isAlive(kept)) return follow(kept);
      // Whoever had the lock before us may have begun and ended one.
      const done = force ? undefined : await sessions.usable(resource);
      if (done) return finishedSignIn(done, at);
      await admit({ resource, at });
      const { run, ...shown } = await plan();
      const startedAt = clock.now();
      const marker: PendingSignIn = {
        format: 1,
        resource,
        method,
        startedAt,
        expiresAt: startedAt + signInLifetimeMs,
        aliveAt: startedAt,
      };
      await store.write('pending', resource, marker);
      const controller = new AbortController();
      const outcome = conduct(marker, run, controller.signal).finally(() => controller.abort());
      outcome.catch(() => {});
      return {
        resource,
        method,
        at,
        ...shown,
        startedAt,
        expiresAt: marker.expiresAt,
        mine: true,
        outcome,
        abandon: async (reason) => controller.abort(reason),
      };
    });

  const conduct = async (
    marker: PendingSignIn,
    run: LocalPlan['run'],
    signal: AbortSignal,
  ): Promise<Session> => {
    const heartbeat = keepAlive(marker, signal);
    try {
      const session = await run(signal).finally(() => heartbeat.stop());
      await sessions.save(session);
      if (await isCurrent(marker)) await store.remove('pending', marker.resource);
      return session;
    } catch (error) {
      const reason = reasonOf(error, signal);
      const { code, message, nextStep } = reason;
      log('warn', 'a sign-in failed', { resource: marker.resource, code });
      if (await isCurrent(marker)) {
        await store.write('pending', marker.resource, {
          ...marker,
          failure: { code, message, nextStep },
        });
      }
      throw reason;
    }
  };

  const isCurrent = async ({ resource, startedAt }: PendingSignIn): Promise<boolean> => {
    const now = await store.read('pending', resource);
    return now !== undefined && !now.code && now.startedAt === startedAt;
  };

  const keepAlive = (marker: PendingSignIn, signal: AbortSignal) => {
    const stopped = new AbortController();
    const either = AbortSignal.any([signal, stopped.signal]);
    const beat = async (): Promise<void> => {
      while (!either.aborted) {
        await clock.sleep(aliveEveryMs, either);
        if (!(await isCurrent(marker)) || either.aborted) return;
        await store.write('pending', marker.resource, { ...marker, aliveAt: clock.now() });
      }
    };
    // Ends by abort; a marker that cannot be written only makes others start a sign-in of their own.
    const ended = beat().catch(() => {});
    return {
      /** Resolves when it writes no more: what comes next must not be written over. */
      stop: () => {
        stopped.abort();
        return ended;
      },
    };
  };

  const follow = (pending: PendingSignIn): SignIn => {
    const controller = new AbortController();
    const outcome = waitForSession(pending, controller.signal);
    outcome.catch(() => {});
    return {
      resource: pending.resource,
      method: pending.method,
      at: new URL(pending.resource).host,
      startedAt: pending.startedAt,
      expiresAt: pending.expiresAt,
      mine: false,
      outcome,
      abandon: async (reason) => controller.abort(reason),
    };
  };

  const waitForSession = async (
    { resource, startedAt }: PendingSignIn,
    signal: AbortSignal,
  ): Promise<Session> => {
    const before = (await sessions.reread(resource))?.accessToken;
    for (;;) {
      const now = await store.read('pending', resource);
      const session = await sessions.reread(resource);
      // Either tells that it is this sign-in's: a clock may be set back amid it.
      const isLater = session && session.obtainedAt >= startedAt;
      if (session && (isLater || session.accessToken !== before)) return session;
      if (now?.failure) throw failureOf(now.failure);
      if (now?.code) throw new Superseded({ resource });
      if (!isAlive(now)) {
        throw new AccessError(
          'sign_in_expired',
          `The program that had the sign-in for ${new URL(resource).host} open is gone.`,
          'Call authenticate again: the person has to sign in once more.',
        );
      }
      await clock.sleep(lookEveryMs, signal);
    }
  };

  return {
    begin,
    async join(keys) {
      for (const key of keys) {
        const kept = await store.read('pending', key);
        if (isAlive(kept)) return follow(kept);
      }
      return undefined;
    },
  };
}

function reasonOf(error: unknown, signal: AbortSignal): AccessError {
  if (signal.aborted && signal.reason instanceof AccessError) return signal.reason;
  return error instanceof AccessError ? error : unexpected(error);
}
