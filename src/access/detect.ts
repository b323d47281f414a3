/** Finds out what guards a URL and how to get in, without a credential and in few requests. */

import type { Abortable } from '../abortable.ts';
import { asksAsAccess, type Guard } from '../cloudflare/protection.ts';
import type { SignedAnswer } from '../cloudflare/signed-answer.ts';
import { isAccessTeamHost, teamOfIssuer } from '../cloudflare/team.ts';
import { type AccessError, isAccessError } from '../errors.ts';
import { cleanServerText } from '../server-text.ts';
import type { Method } from '../session/resource-credential.ts';
import type { Sessions } from '../session/sessions.ts';
import { obstacleAt, resourceOf, type Target } from '../sign-in/target.ts';
import type { TeamProofs } from '../sign-in/team-proofs.ts';
import { attempt } from './attempt.ts';
import { type GuardedAnswer, type GuardedSend, probe } from './exchange/guarded-request.ts';
import type { MakePlan } from './plan.ts';
import type { GrantedTokens } from './service-tokens/granted.ts';
import type { ServiceTokens } from './service-tokens/service-tokens.ts';
import type { SilentCredentials } from './silent-credentials.ts';

export interface Detection {
  readonly status: number;
  readonly protection: GuardedAnswer['guard']['protection'];
  /** The key of its sessions, named like this in every result. */
  readonly resource?: string;
  readonly teamDomain?: string;
  readonly teamVerified: boolean;
  readonly audience?: string;
  /** Host and path, as somebody configured it: a proven one, or the host's word. */
  readonly applicationDomain?: string;
  readonly authorizationServer?: string;
  readonly signIn: readonly ('authorization_code' | 'device_code' | 'browser_transfer')[];
  readonly serviceToken: 'ready' | 'not_configured' | 'host_not_allowed';
  readonly session: { state: 'none' | 'active' | 'expired'; method?: Method; expiresAt?: number };
  /** How it is guarded, where the protection is `other`. */
  readonly how?: Extract<Guard, { protection: 'other' }>['how'];
  /** Why a person cannot sign in although the guard asks them to. */
  readonly obstacle?: AccessError;
  /** Why nobody is let in. */
  readonly refusal?: AccessError;
}

export type Detect = (url: URL, signal?: Abortable) => Promise<Detection>;

export function createDetect(parts: {
  readonly guardedSend: GuardedSend;
  readonly makePlan: MakePlan;
  readonly silentCredentials: SilentCredentials;
  readonly sessions: Sessions;
  readonly serviceTokens: ServiceTokens;
  readonly granted: GrantedTokens;
  readonly proofs: TeamProofs;
}): Detect {
  const { guardedSend, makePlan, silentCredentials, sessions, serviceTokens } = parts;
  const { granted, proofs } = parts;

  const sessionState = async (
    url: URL,
    target: Target | undefined,
  ): Promise<Detection['session']> => {
    if (granted.find(url)) return { state: 'active', method: 'service_token' };
    const session = await sessions.find(url);
    const isFresh = session !== undefined && sessions.isFresh(session);
    const token = isFresh || !target ? undefined : await silentCredentials.cloudflared(target);
    if (token) return { state: 'active', ...methodAndExpiry(token) };
    if (!session) return { state: 'none' };
    const isUsable = isFresh || session.grant?.refreshToken !== undefined;
    return { state: isUsable ? 'active' : 'expired', ...methodAndExpiry(session) };
  };

  return async (url, signal) => {
    const answer = await probe(guardedSend, url, signal);
    const { guard } = answer;
    // Requested first: the plan and the service tokens need the same proof and then find it in the cache.
    // Where OAuth is offered, two documents have to be fetched besides, and five requests must do.
    const once = guard.protection === 'managed_oauth';
    const proof = asksAsAccess(guard)
      ? orNothing(await attempt(proofs.prove(url, signal, { once }), signal))
      : undefined;
    const plan = await makePlan(answer, { signal });
    const { target } = plan;
    const obstacle = plan.obstacle ?? obstacleAt(target);
    // If the proof that this takes cannot be had, the service token is not allowed there.
    const choice = orNothing(await attempt(serviceTokens.choose(url, signal), signal));
    const serviceToken = choice?.state ?? 'host_not_allowed';
    const teamDomain = teamOf(answer, proof, target);
    const applicationDomain =
      (proof?.verified ? proof.applicationDomain : undefined) ?? guard.claims.applicationDomain;
    const audience = (proof?.verified ? proof.audience : undefined) ?? guard.claims.audience;
    // The obstacle does not matter where a service token gets in, or where only service tokens are let in.
    const isMet =
      guard.protection !== 'service_auth' &&
      !(plan.kind === 'service_token' && serviceToken === 'ready');
    return {
      status: answer.response.status,
      protection: protectionOf(answer, target),
      ...(target ? { resource: resourceOf(target) } : {}),
      ...(teamDomain === undefined ? {} : { teamDomain }),
      teamVerified: proof?.verified === true,
      ...(audience === undefined ? {} : { audience }),
      ...(applicationDomain === undefined ? {} : { applicationDomain }),
      ...(target?.kind === 'oauth' ? { authorizationServer: target.oauth.server.issuer } : {}),
      signIn: plan.kind === 'sign_in' && !obstacle ? methodsOf(plan.target) : [],
      serviceToken,
      session: await sessionState(url, target),
      ...(guard.protection === 'other' && target === undefined ? { how: guard.how } : {}),
      ...(obstacle && isMet ? { obstacle } : {}),
      ...(plan.kind === 'refused' ? { refusal: plan.refusal } : {}),
    };
  };
}

function orNothing<T>(outcome: T | AccessError): T | undefined {
  return isAccessError(outcome) ? undefined : outcome;
}

function methodAndExpiry({
  method,
  expiresAt,
}: {
  method: Method;
  expiresAt?: number | undefined;
}) {
  return { method, ...(expiresAt === undefined ? {} : { expiresAt }) };
}

/** A Bearer challenge is Access's if its authorization server is a team's, else any other RFC 9728 resource's. */
function protectionOf(
  { guard }: GuardedAnswer,
  target: Target | undefined,
): Detection['protection'] {
  if (target?.kind !== 'oauth') return guard.protection;
  const team = teamOfIssuer(new URL(target.oauth.server.issuer));
  const isAccess = team !== undefined && isAccessTeamHost(team);
  return guard.protection === 'managed_oauth' || isAccess ? 'managed_oauth' : 'oauth';
}

function teamOf(
  { guard: { claims } }: GuardedAnswer,
  proof: SignedAnswer | undefined,
  target: Target | undefined,
): string | undefined {
  if (proof?.verified) return proof.teamDomain;
  if (target?.kind === 'oauth') return target.oauth.teamDomain;
  return claims.teamDomain === undefined ? undefined : cleanServerText(claims.teamDomain);
}

function methodsOf(target: Target): Detection['signIn'] {
  if (target.kind === 'transfer') return ['browser_transfer'];
  const { authorization_endpoint, device_authorization_endpoint } = target.oauth.server;
  return [
    ...(authorization_endpoint ? (['authorization_code'] as const) : []),
    ...(device_authorization_endpoint ? (['device_code'] as const) : []),
  ];
}
