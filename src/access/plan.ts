/**
 * What a guard's answer means for whoever wants to get in. This is the one place that decides it:
 * detect_protection shows the plan, the other tools carry it out. Planning sends no credential and
 * asks nobody to sign in; at most it looks up where a person would.
 */
import { refusalFor } from '../cloudflare/refusal.ts';
import { type AccessError, isAccessError } from '../errors.ts';
import type { FindTarget } from '../sign-in/find-target.ts';
import type { Target } from '../sign-in/target.ts';
import { attempt } from './attempt.ts';
import type { GuardedAnswer } from './guarded-request.ts';

interface Undirected {
  readonly target?: undefined;
  readonly obstacle?: undefined;
}

export type Plan =
  /** No credential is needed. */
  | ({ readonly kind: 'open' } & Undirected)
  /** Everybody is turned away, and signing in would not help. */
  | ({ readonly kind: 'refused'; readonly refusal: AccessError } & Undirected)
  /** Something other than Access, or a server that we know how to sign in to, guards it. */
  | ({ readonly kind: 'foreign' } & Undirected)
  /**
   * A person signs in at `target`, unless there is already a credential for it on this machine.
   * `unasked`: the guard has invited nobody, so a service token that may be sent there comes first.
   */
  | {
      readonly kind: 'sign_in';
      readonly target: Target;
      readonly unasked?: true;
      readonly obstacle?: undefined;
    }
  /**
   * Nobody signs in, so a service token is what is left: the application takes nothing else, or this
   * server is headless. `target`: where a person would have; credentials for it are tried first.
   * `obstacle`: why nobody could.
   */
  | {
      readonly kind: 'service_token';
      readonly target?: Target | undefined;
      readonly obstacle?: AccessError | undefined;
    }
  /** A person is asked for and cannot sign in. */
  | { readonly kind: 'stuck'; readonly target?: undefined; readonly obstacle: AccessError };

export interface PlanOptions {
  /** False: where a person would sign in does not matter to the caller, and is not looked up. */
  readonly withTarget?: boolean;
  readonly signal?: AbortSignal | undefined;
}

export type MakePlan = (answer: GuardedAnswer, options?: PlanOptions) => Promise<Plan>;

export function createMakePlan({
  findTarget,
  headless,
}: {
  readonly findTarget: FindTarget;
  readonly headless: boolean;
}): MakePlan {
  return async ({ guard, challenges, evidence: { url } }, { withTarget = true, signal } = {}) => {
    const refusal = refusalFor(guard, url);
    if (refusal) return { kind: 'refused', refusal };
    if (guard.protection === 'none') return { kind: 'open' };
    if (!withTarget) return { kind: 'service_token' };
    const nobodySignsIn = headless || guard.protection === 'service_auth';
    const unasked = guard.protection === 'denied';
    const target = await attempt(findTarget(url, guard, challenges, signal), signal);
    if (target === undefined) return { kind: 'foreign' };
    // What keeps a person from signing in does not keep a service token from being sent.
    if (isAccessError(target)) {
      const obstacle = target;
      return nobodySignsIn || unasked
        ? { kind: 'service_token', obstacle }
        : { kind: 'stuck', obstacle };
    }
    if (nobodySignsIn) return { kind: 'service_token', target };
    return { kind: 'sign_in', target, ...(unasked ? { unasked } : {}) };
  };
}
