/**
 * Makes sure that a URL can be fetched: with a credential that is already here, a service token, or a
 * person's sign-in.
 */
import type { Abortable } from '../abortable.ts';
import { firewallRefusalIn } from '../cloudflare/firewall.ts';
import { AccessError } from '../errors.ts';
import { bounds } from '../http/waiting/bounds.ts';
import { untilAborted, within } from '../http/waiting/within.ts';
import { quoteServerText } from '../server-text.ts';
import { type ResourceCredential, sessionCredential } from '../session/resource-credential.ts';
import type { PersonSignIn, SignInProgress } from '../sign-in/person-sign-in.ts';
import type { SignIn } from '../sign-in/sign-in.ts';
import type { SignIns } from '../sign-in/sign-ins.ts';
import { resourceOf } from '../sign-in/target.ts';
import type { WaitOptions } from '../sign-in/waiting.ts';
import type { Credentials } from './credentials.ts';
import type { BesideAuthorization } from './exchange/beside-authorization.ts';
import { type GuardedAnswer, type GuardedSend, probe } from './exchange/guarded-request.ts';
import type { MakePlan } from './plan.ts';
import type { RedeemCallback } from './redeem-callback.ts';
import type { RunPlan } from './run-plan.ts';
import type { ServiceTokens } from './service-tokens/service-tokens.ts';
import { signInRequired } from './sign-in-required.ts';

export interface AuthenticateOptions extends WaitOptions {
  readonly method: 'auto' | 'browser' | 'device' | 'service_token';
  readonly force: boolean;
  /** For requests that bring an Authorization of their own. */
  readonly besideAuthorization?: boolean;
  /** The authorization response that the person's browser could not deliver. */
  readonly callback?: URLSearchParams | undefined;
}

export type Authenticated =
  | { readonly status: 'authenticated'; readonly credential: ResourceCredential }
  | { readonly status: 'pending'; readonly signIn: SignIn; readonly shown: boolean }
  | { readonly status: 'not_needed' };

export type Authenticate = (url: URL, options: AuthenticateOptions) => Promise<Authenticated>;

export function createAuthenticate(parts: {
  readonly guardedSend: GuardedSend;
  readonly credentials: Credentials;
  readonly serviceTokens: ServiceTokens;
  readonly makePlan: MakePlan;
  readonly runPlan: RunPlan;
  readonly signIns: Pick<SignIns, 'join'>;
  readonly personSignIn: PersonSignIn;
  readonly redeemCallback: RedeemCallback;
  readonly besideAuthorization: BesideAuthorization;
  readonly headless: boolean;
}): Authenticate {
  const { guardedSend, credentials, serviceTokens, makePlan, runPlan, signIns, personSignIn } =
    parts;

  return async (url, options) => {
    const until = within(bounds.call, options.signal);
    try {
      return await authenticate(url, options, until.deadline);
    } finally {
      until.release();
    }
  };

  /** `signal`: bounds everything before the person's sign-in. */
  async function authenticate(
    url: URL,
    options: AuthenticateOptions,
    signal: Abortable,
  ): Promise<Authenticated> {
    const { method, force, callback, besideAuthorization: beside = false } = options;
    if (callback) {
      const redeemed = parts.redeemCallback(url, callback);
      return authenticated(await untilAborted(redeemed, signal, url));
    }
    const byServiceToken = method === 'service_token';
    if (!byServiceToken && (force || method !== 'auto')) serviceTokens.release(url);
    if (!byServiceToken && !force) {
      const found = beside
        ? await credentials.findBeside(url, signal)
        : await credentials.find(url, 0, signal);
      if (found) return authenticated(found);
      const joined = beside ? undefined : await signIns.join(url);
      if (joined && (method !== 'device' || joined.method === 'device_code')) {
        return outcomeOf(await personSignIn.wait(joined, options));
      }
    }
    const answer = await probe(guardedSend, url, signal);
    let plan = await makePlan(answer, { withTarget: !byServiceToken, signal });
    if (plan.kind === 'open') return { status: 'not_needed' };
    if (plan.kind === 'refused') throw plan.refusal;
    if (plan.kind === 'foreign') throw foreign(url, answer);
    if (plan.kind === 'stuck') throw plan.obstacle;
    if (beside && plan.kind === 'sign_in' && plan.target.kind === 'oauth') {
      const { guard } = answer;
      const target = await parts.besideAuthorization.target(url, guard, plan.target, signal);
      plan = { kind: 'sign_in', target };
    }
    const silent = force ? undefined : await runPlan.silently(plan, undefined, signal);
    if (silent) return authenticated(silent);
    if (method === 'auto' && !force) {
      const first = await runPlan.beforeSignIn(answer, plan, signal);
      if (first) return presented(url, first, signal);
    }
    if (plan.kind === 'sign_in') {
      if (force) credentials.forget(resourceOf(plan.target));
      const device = method === 'device';
      return outcomeOf(
        await personSignIn.start(plan.target, { ...options, device, beginUntil: signal }),
      );
    }
    if (method === 'browser' || method === 'device') {
      await requireNoPerson(answer, plan.obstacle, signal);
    }
    return presented(url, await runPlan.withServiceToken(answer, plan, signal), signal);
  }

  async function presented(
    url: URL,
    serviceToken: ResourceCredential,
    signal: Abortable,
  ): Promise<Authenticated> {
    await serviceTokens.present(url, serviceToken.credential, signal);
    return authenticated(serviceToken);
  }

  /**
   * The caller chose a method that needs a person. Throws, unless the error about the missing service
   * token will say more.
   */
  async function requireNoPerson(
    { guard, evidence: { url } }: GuardedAnswer,
    obstacle: AccessError | undefined,
    signal: Abortable | undefined,
  ): Promise<void> {
    if (guard.protection === 'service_auth') {
      const { state } = await serviceTokens.choose(url, signal);
      if (state !== 'ready') return;
    }
    throw obstacle && !parts.headless ? obstacle : signInRequired(url, 'headless', guard);
  }
}

function authenticated(credential: ResourceCredential): Authenticated {
  return { status: 'authenticated', credential };
}

function outcomeOf(progress: SignInProgress): Authenticated {
  return progress.session
    ? authenticated(sessionCredential(progress.session))
    : { status: 'pending', signIn: progress.signIn, shown: progress.shown };
}

function foreign(url: URL, { guard, evidence }: GuardedAnswer): AccessError {
  const { host } = url;
  const blocked = firewallRefusalIn(evidence);
  if (blocked) return blocked;
  const how =
    guard.protection === 'other' && guard.scheme
      ? `with the scheme ${quoteServerText(guard.scheme)}`
      : 'in its own way';
  return new AccessError(
    'access_denied',
    `${host} is guarded ${how}, not by Cloudflare Access: there is nothing here to sign in to.`,
    [{ do: 'use_own_credential' }],
  );
}
