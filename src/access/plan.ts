/**
 * Decides what an answer requires before a request can succeed. This is the only place that decides it:
 * detect_protection shows the plan, and the other tools carry it out. Making a plan sends no credential
 * and asks nobody to sign in; it may look up where a person would sign in.
 */
import type { Abortable } from '../abortable.ts';
import { refusalFor } from '../cloudflare/refusal.ts';
import { type AccessError, isAccessError } from '../errors.ts';
import type { FindTarget } from '../sign-in/find-target.ts';
import type { Target } from '../sign-in/target.ts';
import { attempt } from './attempt.ts';
import type { GuardedAnswer } from './exchange/guarded-request.ts';

interface Undirected {
  readonly target?: undefined;
  readonly obstacle?: undefined;
}

export type Plan =
  /** No credential is needed. */
  | ({ readonly kind: 'open' } & Undirected)
  /** Access refuses everybody, and signing in would not help. */
  | ({ readonly kind: 'refused'; readonly refusal: AccessError } & Undirected)
  /**
   * The URL is protected in a way that we cannot sign in to: not by Access, and not by OAuth with
   * metadata.
   */
  | ({ readonly kind: 'foreign' } & Undirected)
  /**
   * A person signs in at `target`, unless there is already a credential for it on this machine. `unasked`:
   * the answer was a refusal, not a request to sign in, so a service token that may be sent there is tried
   * first.
   */
  | {
      readonly kind: 'sign_in';
      readonly target: Target;
      readonly unasked?: true;
      readonly obstacle?: undefined;
    }
  /**
   * Nobody can sign in, so only a service token remains: the application accepts nothing else, or this
   * server is headless. `target`: where a person would sign in; existing credentials for it are tried
   * first. `obstacle`: why a person could not sign in there.
   */
  | {
      readonly kind: 'service_token';
      readonly target?: Target | undefined;
      readonly obstacle?: AccessError | undefined;
    }
  /** A person would have to sign in, but cannot. */
  | { readonly kind: 'stuck'; readonly target?: undefined; readonly obstacle: AccessError };

export interface PlanOptions {
  /** False if the caller does not need to know where a person would sign in; it is then not looked up. */
  readonly withTarget?: boolean;
  readonly signal?: Abortable | undefined;
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
    // An obstacle to a person's sign-in does not prevent sending a service token.
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
