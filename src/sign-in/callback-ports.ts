/**
 * The ports on which authorization responses arrive. One process holds a port and redeems the responses of
 * all; when it ends, another process that waits takes the port over.
 */
import { isAccessError } from '../errors.ts';
import type { Clock, RecordStore, RedirectListener } from '../session/ports.ts';
import type { PendingSignIn } from '../session/records.ts';
import { isOpenAt } from './pending.ts';
import type { Redemption } from './redemption.ts';
import type { WakeUp } from './wake-up.ts';

export interface CallbackPort {
  readonly port: number;
  /** Takes the port over if no process holds it any more. */
  attend(): Promise<void>;
  /** Gives it up, unless other processes have open sign-ins that return to it. */
  leave(): Promise<void>;
  /** Gives it up at once. */
  release(): Promise<void>;
}

export interface CallbackPorts {
  /** The first configured port that is available. Throws `callback_port_unavailable`. */
  claim(): Promise<CallbackPort>;
  /** The port of an open sign-in; `undefined` when another program has taken it meanwhile. */
  reclaim(port: number): Promise<CallbackPort | undefined>;
}

const checkEveryMs = 1_000;

export function createCallbackPorts({
  store,
  clock,
  listener,
  wakeUp,
  redeem,
  configured,
}: {
  readonly store: RecordStore;
  readonly clock: Clock;
  readonly listener: RedirectListener;
  readonly wakeUp: WakeUp;
  readonly redeem: Redemption['redeem'];
  readonly configured: readonly number[];
}): CallbackPorts {
  const claimOneOf = async (ports: readonly number[]): Promise<CallbackPort> => {
    const claim = await listener.claim(
      ports,
      async (response) => (await redeem(response))?.page ?? { status: 'not_ours' },
    );
    const isNeeded = async (): Promise<boolean> => {
      if (!claim.held()) return false;
      const pendings = await store.list('pending').catch((): PendingSignIn[] => []);
      return pendings.some((each) => each.code?.port === claim.port && isOpenAt(each, clock.now()));
    };
    const releaseWhenNobodyNeedsIt = async (): Promise<void> => {
      while (await isNeeded()) await wakeUp.sleep(checkEveryMs);
      await claim.release();
    };
    return {
      port: claim.port,
      async attend() {
        if (!claim.held()) await claim.takeOver();
      },
      async leave() {
        // Kept rather than handed over: in between, no process would answer.
        if (await isNeeded()) void releaseWhenNobodyNeedsIt();
        else await claim.release();
      },
      release: () => claim.release(),
    };
  };

  return {
    claim: () => claimOneOf(configured),
    async reclaim(port) {
      try {
        return await claimOneOf([port]);
      } catch (error) {
        if (isAccessError(error, 'callback_port_unavailable')) return undefined;
        throw error;
      }
    },
  };
}
