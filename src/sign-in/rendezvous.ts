/**
 * Coordinates all calls, in all processes, that want the person signed in at the same resource: one of
 * them begins the sign-in under the resource's lock and stores a record on disk, the others join it, and
 * all wait for the session. A plan says how a sign-in is begun; authorization-code.ts, device-code.ts and
 * browser-transfer.ts make the plans.
 */
import type { Abortable } from '../abortable.ts';
import type { AccessError } from '../errors.ts';
import type { Clock, Lock, RecordStore } from '../session/ports.ts';
import type { PendingCode, PendingSignIn, PersonMethod, Session } from '../session/records.ts';
import type { Sessions } from '../session/sessions.ts';
import { type ShownUrl, shownUrl } from '../shown-url.ts';
import type { AdmitSignIn } from './allowance.ts';
import type { CallbackPort, CallbackPorts } from './callback-ports.ts';
import { endOf, failed, isOpenAt, isSameSignIn } from './pending.ts';
import type { Run, RunHere } from './run-here.ts';
import { failureOf, finishedSignIn, type SignIn, Superseded } from './sign-in.ts';
import type { WakeUp } from './wake-up.ts';

export interface Plan {
  readonly resource: string;
  readonly method: PersonMethod;
  /** The host that signs the person in. */
  readonly at: string;
  /** Whether an open sign-in can be joined instead. */
  joins(underWay: PendingSignIn): boolean;
  /** Whether a session that another call has obtained meanwhile can be used; absent when none can. */
  accepts?(session: Session): boolean;
  /** `last`: the record of the resource's last sign-in, if it did not end in a session. */
  prepare(last: PendingSignIn | undefined): Promise<Prepared>;
}

export type Prepared = { readonly lifetimeMs: number } & (
  | AnyProcessCanFinish
  | OnlyThisProcessCanFinish
);

interface AnyProcessCanFinish {
  readonly code: PendingCode;
  readonly port: CallbackPort;
}

interface OnlyThisProcessCanFinish {
  readonly run: Run;
  readonly authorizationUrl?: ShownUrl;
  readonly userCode?: string;
  readonly verificationUri?: ShownUrl;
}

export interface Rendezvous {
  /** Joins an open sign-in, or begins the one that `plan` prepares. Nothing is shown to the person yet. */
  begin(plan: Plan): Promise<SignIn>;
  /** Joins an open sign-in for one of `keys`, begun by this process or another. Sends no request. */
  join(
    keys: readonly string[],
    isWanted?: (underWay: PendingSignIn) => boolean,
  ): Promise<SignIn | undefined>;
}

/** How often a waiting process checks whether another one has finished the sign-in. */
const lookEveryMs = { anyProcess: 250, oneProcess: 500 };

export function createRendezvous(parts: {
  readonly store: RecordStore;
  readonly lock: Lock;
  readonly clock: Clock;
  readonly sessions: Sessions;
  readonly admit: AdmitSignIn;
  readonly wakeUp: WakeUp;
  readonly callbackPorts: CallbackPorts;
  readonly runHere: RunHere;
}): Rendezvous {
  const { store, lock, clock, sessions, admit, wakeUp, callbackPorts, runHere } = parts;

  const begin: Rendezvous['begin'] = (plan) =>
    lock.hold(`sign-in ${plan.resource}`, async () => {
      const { resource, at } = plan;
      const last = await store.read('pending', resource);
      const joined = isOpenAt(last, clock.now()) && plan.joins(last) && (await follow(last));
      if (joined) return joined;
      // The previous holder of the lock may have begun a sign-in and finished it.
      const obtained = plan.accepts && (await sessions.usable(resource));
      if (obtained && plan.accepts?.(obtained)) return finishedSignIn(obtained, at);
      await admit({ resource, at });
      return start(plan, await plan.prepare(last));
    });

  const start = async ({ resource, method, at }: Plan, prepared: Prepared): Promise<SignIn> => {
    const startedAt = clock.now();
    const pending: PendingSignIn = {
      format: 1,
      resource,
      method,
      startedAt,
      expiresAt: startedAt + prepared.lifetimeMs,
      aliveAt: startedAt,
      ...('code' in prepared ? { code: prepared.code } : {}),
    };
    try {
      await lock.hold(`session ${resource}`, () => store.write('pending', resource, pending));
    } catch (error) {
      if ('port' in prepared) await prepared.port.release();
      throw error;
    }
    wakeUp.all();
    if ('port' in prepared) return watch(pending, prepared.port, true);
    const { run, lifetimeMs: _, ...shown } = prepared;
    const abandoned = new AbortController();
    const outcome = runHere(pending, run, abandoned.signal).finally(() => {
      abandoned.abort();
      wakeUp.all();
    });
    outcome.catch(() => {});
    return {
      ...described(pending, outcome),
      at,
      ...shown,
      mine: true,
      abandon: async (reason) => abandoned.abort(reason),
    };
  };

  /** `undefined` when its response can no longer be received. */
  const follow = async (pending: PendingSignIn): Promise<SignIn | undefined> => {
    if (pending.code === undefined) return watch(pending, undefined, false);
    const port = await callbackPorts.reclaim(pending.code.port);
    return port && watch(pending, port, false);
  };

  const watch = (pending: PendingSignIn, port: CallbackPort | undefined, mine: boolean): SignIn => {
    const left = new AbortController();
    const outcome = waitForSession(pending, port, left.signal).finally(() => port?.leave());
    outcome.catch(() => {});
    const { code, resource } = pending;
    return {
      ...described(pending, outcome),
      at: new URL(code?.issuer ?? resource).host,
      ...(code ? { authorizationUrl: shownUrl(new URL(code.authorizationUrl)) } : {}),
      mine,
      // Without a code, only the process that runs the sign-in can end it; this one stops waiting.
      abandon: async (reason) => (code ? end(pending, reason) : left.abort(reason)),
    };
  };

  /** Watches the disk: this process or another one may store the session. */
  const waitForSession = async (
    pending: PendingSignIn,
    port: CallbackPort | undefined,
    signal: Abortable,
  ): Promise<Session> => {
    const { resource, startedAt } = pending;
    const before = (await store.read('session', resource))?.accessToken;
    const findSession = async (): Promise<Session | undefined> => {
      const session = await sessions.reread(resource);
      if (session === undefined) return undefined;
      // Either condition shows that this sign-in made it; the time alone does not, since the clock may
      // have been set back.
      const isNew = session.obtainedAt >= startedAt || session.accessToken !== before;
      return isNew ? session : undefined;
    };
    for (;;) {
      const now = await store.read('pending', resource);
      const isOver = now === undefined || now.failure || !isSameSignIn(pending, now);
      // A new session may just be a refreshed one, so while a code is awaited it does not end the wait.
      const session = isOver || !pending.code ? await findSession() : undefined;
      if (session) return session;
      if (isOver) throw now?.failure ? failureOf(now.failure) : new Superseded(pending);
      if (!isOpenAt(now, clock.now())) {
        const reason = endOf(pending);
        if (pending.code) await end(pending, reason);
        throw reason;
      }
      await port?.attend();
      await wakeUp.sleep(port ? lookEveryMs.anyProcess : lookEveryMs.oneProcess, signal);
    }
  };

  const end = (pending: PendingSignIn, reason: AccessError): Promise<void> =>
    lock.hold(`session ${pending.resource}`, async () => {
      const now = await store.read('pending', pending.resource);
      if (now === undefined || now.failure || !isSameSignIn(pending, now)) return;
      await store.write('pending', now.resource, failed(now, reason));
      wakeUp.all();
    });

  return {
    begin,
    async join(keys, isWanted = () => true) {
      for (const key of keys) {
        const pending = await store.read('pending', key);
        if (!isOpenAt(pending, clock.now()) || !isWanted(pending)) continue;
        const joined = await follow(pending);
        if (joined) return joined;
      }
      return undefined;
    },
  };
}

function described(
  { resource, method, startedAt, expiresAt }: PendingSignIn,
  outcome: Promise<Session>,
): Pick<SignIn, 'resource' | 'method' | 'startedAt' | 'expiresAt' | 'outcome'> {
  return { resource, method, startedAt, expiresAt, outcome };
}
