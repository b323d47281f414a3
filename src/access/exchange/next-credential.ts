/**
 * Chooses the credential to try after a challenge: the refreshed session, another existing credential, the
 * service token, or a new sign-in. Each is tried once; `Tried` records which have been.
 */
import type { Guard } from '../../cloudflare/protection.ts';
import { AccessError } from '../../errors.ts';
import type { HopRequest } from '../../http/next-hop.ts';
import { joinScopes } from '../../oauth/scope.ts';
import type { Session } from '../../session/records.ts';
import { type ResourceCredential, sessionCredential } from '../../session/resource-credential.ts';
import type { Sessions } from '../../session/sessions.ts';
import type { PersonSignIn } from '../../sign-in/person-sign-in.ts';
import { isFrom, type Target } from '../../sign-in/target.ts';
import type { Credentials } from '../credentials.ts';
import type { MakePlan, Plan } from '../plan.ts';
import type { RunPlan } from '../run-plan.ts';
import { signInRequired } from '../sign-in-required.ts';
import type { BesideAuthorization } from './beside-authorization.ts';
import { type GuardedAnswer, hasAuthorization } from './guarded-request.ts';
import type { ExchangeOptions, Tried } from './tried.ts';

/** Step-up by `insufficient_scope` (RFC 6750 §3.1) stops after this many authorizations. */
const maxAuthorizations = 3;
const mostRefused = 1_000;

export interface NextCredential {
  /** Records in `tried` what it does. Throws if nothing is left to try. */
  after(
    challenge: GuardedAnswer,
    refused: ResourceCredential | undefined,
    request: HopRequest,
    tried: Tried,
    options: ExchangeOptions,
  ): Promise<ResourceCredential>;
}

export function createNextCredential(parts: {
  readonly credentials: Pick<Credentials, 'forget'>;
  readonly sessions: Pick<Sessions, 'successor' | 'renew' | 'giveUp'>;
  readonly makePlan: MakePlan;
  readonly runPlan: RunPlan;
  readonly personSignIn: Pick<PersonSignIn, 'signIn'>;
  readonly besideAuthorization: BesideAuthorization;
}): NextCredential {
  const { credentials, sessions, makePlan, runPlan, personSignIn, besideAuthorization } = parts;

  /** The agent's own Authorization is kept, so Access has to receive its credential in another header. */
  const beside = async (
    target: Target,
    guard: Guard,
    { url, signal }: HopRequest,
  ): Promise<Extract<Plan, { kind: 'sign_in' }>> => {
    const other = await besideAuthorization.target(url, guard, target, signal);
    return { kind: 'sign_in', target: other };
  };

  /** The identities of sign-ins whose token was refused immediately. */
  const refusedAtOnce = new Set<string>();

  /** Throws if signing in again would fail in the same way as a moment ago. */
  const giveUp = async (
    url: URL,
    { session, identity }: ResourceCredential,
    tried: Tried,
  ): Promise<Session> => {
    if (refusedAtOnce.size >= mostRefused) refusedAtOnce.clear();
    if (tried.signedIn) refusedAtOnce.add(identity);
    if (session === undefined || refusedAtOnce.has(identity)) throw tokenRejected(url);
    await sessions.giveUp(session);
    return session;
  };

  return {
    async after(challenge, refused, request, tried, options) {
      const { url, signal } = request;
      const scope = insufficientScope(challenge, refused);
      const isJustSignedIn = tried.signedIn && refused?.session?.grant === undefined;
      const mayRenew = !tried.renewal && !isJustSignedIn;
      if (refused?.session && scope === undefined && mayRenew) {
        // A newer session stored by another process may be refused too; then it is refreshed.
        const stored = tried.stored ? undefined : await sessions.successor(refused.session);
        tried.stored = true;
        tried.renewal = stored === undefined;
        const session = stored ?? (await sessions.renew(refused.session, signal));
        if (session) return sessionCredential(session);
      }
      let plan = await makePlan(challenge, { signal });
      const { target } = plan;
      /**
       * A session that an administrator has revoked: refreshing still returns tokens, but Access accepts
       * none of them.
       */
      let withdrawn: Session | undefined;
      const isNew = refused && refused.method !== 'cloudflared' && (!refused.session || !mayRenew);
      if (isNew && scope === undefined) {
        // The credential was refreshed or issued a moment ago, and was refused nevertheless, unless
        // another application protects this part of the origin or the resource has moved to another
        // authorization server.
        if (!target) throw plan.obstacle ?? tokenRejected(url);
        if (isFrom(refused, target)) withdrawn = await giveUp(url, refused, tried);
      }
      if (tried.authorizations === maxAuthorizations) throw tokenRejected(url);
      tried.authorizations += 1;
      tried.signedIn = false;
      if (refused?.method === 'cloudflared') credentials.forget(refused.resource);
      if (plan.kind === 'stuck') throw plan.obstacle;
      if (plan.kind !== 'sign_in' && plan.kind !== 'service_token') throw tokenRejected(url);
      if (plan.kind === 'sign_in' && hasAuthorization(request) && plan.target.kind === 'oauth') {
        if (isJustSignedIn) throw besideAuthorization.refused(url, plan.target);
        plan = await beside(plan.target, challenge.guard, request);
      }
      const isRenewedSilently = withdrawn !== undefined && plan.target?.kind === 'transfer';
      if (plan.target && scope === undefined && !isRenewedSilently) {
        const silent = await runPlan.silently(plan, refused, signal);
        if (silent) return silent;
        const serviceToken = await runPlan.beforeSignIn(challenge, plan, signal);
        if (serviceToken) return serviceToken;
      }
      if (plan.kind === 'service_token') return runPlan.withServiceToken(challenge, plan, signal);
      if (!options.signIn) throw signInRequired(url, 'not_in_this_call', challenge.guard);
      const session = await personSignIn.signIn(url, plan.target, {
        ...options,
        device: false,
        force: scope !== undefined,
        ...(withdrawn ? { notFrom: withdrawn } : {}),
        ...(scope === undefined ? {} : { scope }),
      });
      tried.signedIn = true;
      return sessionCredential(session);
    },
  };
}

/** The scope to request, if the answer says that the session's is insufficient. */
function insufficientScope(
  { challenges }: GuardedAnswer,
  refused: ResourceCredential | undefined,
): string | undefined {
  const grant = refused?.session?.grant;
  if (grant === undefined) return undefined;
  const bearer = challenges.find(
    ({ scheme, parameters }) =>
      scheme === 'bearer' && parameters.get('error') === 'insufficient_scope',
  );
  return bearer && joinScopes(grant.scope, bearer.parameters.get('scope'));
}

function tokenRejected({ host }: URL): AccessError {
  return new AccessError('token_rejected', `${host} refuses a token that it was issued just now.`, [
    { do: 'sign_in', force: true },
    {
      when: 'again',
      do: 'ask_operator',
      host,
      to: 'look into the application’s policies and its authorization server',
    },
  ]);
}
