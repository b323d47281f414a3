/**
 * Carries out the parts of a plan that need no person: using an existing credential, or the service token.
 */
import type { Abortable } from '../abortable.ts';
import { AccessError } from '../errors.ts';
import type { ResourceCredential } from '../session/resource-credential.ts';
import type { Target } from '../sign-in/target.ts';
import type { Credentials } from './credentials.ts';
import type { GuardedAnswer } from './exchange/guarded-request.ts';
import type { Plan } from './plan.ts';
import type { ServiceTokens } from './service-tokens/service-tokens.ts';
import { signInRequired } from './sign-in-required.ts';
import type { SilentCredentials } from './silent-credentials.ts';

export interface RunPlan {
  /** Returns a credential for the plan's target other than `refused`, or `undefined` if there is none. */
  silently(
    plan: { readonly target?: Target | undefined },
    refused: ResourceCredential | undefined,
    signal: Abortable | undefined,
  ): Promise<ResourceCredential | undefined>;
  /** Returns the service token, if it is to be tried before a person's sign-in and may be sent. */
  beforeSignIn(
    answer: GuardedAnswer,
    plan: Plan,
    signal: Abortable | undefined,
  ): Promise<ResourceCredential | undefined>;
  /** Returns the service token for the URL of `answer`. Throws the reason if there is none. */
  withServiceToken(
    answer: GuardedAnswer,
    plan: Plan,
    signal: Abortable | undefined,
  ): Promise<ResourceCredential>;
}

export function createRunPlan(parts: {
  readonly credentials: Pick<Credentials, 'remember'>;
  readonly serviceTokens: ServiceTokens;
  readonly silentCredentials: SilentCredentials;
  readonly headless: boolean;
}): RunPlan {
  const { credentials, serviceTokens, silentCredentials, headless } = parts;
  return {
    async silently({ target }, refused, signal) {
      const found = target && (await silentCredentials.find(target, refused, signal));
      if (found) credentials.remember(found);
      return found;
    },

    async beforeSignIn(answer, plan, signal) {
      if (plan.kind !== 'sign_in' || !plan.unasked) return undefined;
      const granted = await serviceTokens.grant(answer, plan.target, signal);
      return granted instanceof AccessError ? undefined : granted;
    },

    async withServiceToken(answer, { target, obstacle }, signal) {
      const granted = await serviceTokens.grant(answer, target, signal);
      if (!(granted instanceof AccessError)) return granted;
      const { guard, evidence } = answer;
      // The answer did not ask anybody to sign in, so the reason why the configured service token is not
      // sent is more useful.
      if (guard.protection === 'denied' && obstacle) {
        throw granted.code === 'service_token_not_configured' ? obstacle : granted;
      }
      const isForServiceTokens = guard.protection === 'service_auth';
      const isForeign = guard.protection === 'other' && !target && !obstacle;
      if (!headless || isForServiceTokens || isForeign) throw granted;
      throw granted.code === 'service_token_host_not_allowed'
        ? orAPerson(granted)
        : (obstacle ?? signInRequired(evidence.url, 'headless', guard));
    },
  };
}

function orAPerson(missing: AccessError): AccessError {
  return new AccessError(
    missing.code,
    `${missing.message} Nobody may be asked to sign in here (headless).`,
    [...missing.nextStep, { when: 'otherwise', do: 'run_attended' }],
  );
}
