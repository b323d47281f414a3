/** What guards a URL and how it can be got through: asked without a credential, in few requests. */

import type { Guard } from '../cloudflare/protection.ts';
import { refusalFor } from '../cloudflare/refusal.ts';
import type { ServiceTokenChoice } from '../cloudflare/service-token/service-token.ts';
import type { SignedAnswer } from '../cloudflare/signed-answer.ts';
import { isAccessTeamHost, teamOfIssuer } from '../cloudflare/team.ts';
import { type AccessError, isAccessError } from '../errors.ts';
import { cleanServerText } from '../server-text.ts';
import type { Method } from '../session/held-credential.ts';
import type { Clock } from '../session/ports.ts';
import type { Sessions } from '../session/sessions.ts';
import { isBareBearer, resourceOf, type Target } from '../sign-in/target.ts';
import type { TeamProofs } from '../sign-in/team-proofs.ts';
import { type Asked, type Gate, probe } from './guarded-request.ts';
import type { ServiceTokens } from './service-tokens.ts';
import type { Ways } from './ways.ts';

export interface Detection {
  readonly status: number;
  readonly protection: Asked['guard']['protection'];
  /** The key of its sessions, as every other result writes it. */
  readonly resource?: string;
  readonly teamDomain?: string;
  readonly teamVerified: boolean;
  readonly audience?: string;
  readonly authorizationServer?: string;
  readonly signIn: readonly ('authorization_code' | 'device_code' | 'browser_transfer')[];
  readonly serviceToken: 'ready' | 'not_configured' | 'host_not_allowed';
  readonly session: { state: 'none' | 'active' | 'expired'; method?: Method; expiresAt?: number };
  /** By what, where the protection is `other`. */
  readonly how?: Extract<Guard, { protection: 'other' }>['how'];
  /** Why a person cannot sign in although the guard asks for it. */
  readonly obstacle?: AccessError;
  /** The guard says no, whoever asks. */
  readonly refusal?: AccessError;
}

export type Detect = (url: URL, signal?: AbortSignal) => Promise<Detection>;

export function createDetect(parts: {
  readonly gate: Gate;
  readonly clock: Clock;
  readonly ways: Ways;
  readonly sessions: Sessions;
  readonly serviceTokens: ServiceTokens;
  readonly proofs: TeamProofs;
  readonly headless: boolean;
}): Detect {
  const { gate, ways, sessions, serviceTokens, proofs, headless } = parts;

  const sessionState = async (
    url: URL,
    target: Target | undefined,
  ): Promise<Detection['session']> => {
    if (serviceTokens.inUse(url)) return { state: 'active', method: 'service_token' };
    const session = await sessions.find(url);
    const borrowed =
      session && sessions.isFresh(session) ? undefined : target && (await ways.borrowed(target));
    if (borrowed) {
      const { method, expiresAt } = borrowed;
      return { state: 'active', method, ...(expiresAt === undefined ? {} : { expiresAt }) };
    }
    if (!session) return { state: 'none' };
    const { method, expiresAt, grant } = session;
    const usable = sessions.isFresh(session) || grant?.refreshToken !== undefined;
    return {
      state: usable ? 'active' : 'expired',
      method,
      ...(expiresAt === undefined ? {} : { expiresAt }),
    };
  };

  return async (url, signal) => {
    const asked = await probe(gate, url, signal);
    const { guard } = asked;
    const { protection, claims } = guard;
    const byAccess =
      protection === 'managed_oauth' ||
      protection === 'browser_login' ||
      protection === 'service_auth' ||
      protection === 'denied';
    // The proof is asked for before anyone else needs it, and kept for them.
    const proof = byAccess
      ? await proofs.prove(url, signal).catch((error) => unlessLeft(error, undefined))
      : undefined;
    let target: Target | undefined;
    let obstacle: AccessError | undefined;
    const mayHaveTarget =
      protection === 'managed_oauth' ||
      protection === 'oauth' ||
      protection === 'browser_login' ||
      isBareBearer(guard, asked.challenges);
    if (mayHaveTarget) {
      try {
        target = await ways.target(asked, signal);
      } catch (error) {
        obstacle = unlessLeft(error, error as AccessError);
      }
    }
    // A proof that cannot be had is none.
    const { state } = await serviceTokens
      .choose(url, signal)
      .catch(
        (error): Pick<ServiceTokenChoice, 'state'> =>
          unlessLeft(error, { state: 'host_not_allowed' }),
      );
    const teamDomain = teamOf(asked, proof, target);
    const audience = (proof?.verified ? proof.audience : undefined) ?? claims.audience;
    const refusal = refusalFor(guard, url);
    return {
      status: asked.answer.status,
      protection: settle(asked, target),
      ...(target ? { resource: resourceOf(target) } : {}),
      ...(teamDomain === undefined ? {} : { teamDomain }),
      teamVerified: proof?.verified === true,
      ...(audience === undefined ? {} : { audience }),
      ...(target?.kind === 'oauth' ? { authorizationServer: target.oauth.server.issuer } : {}),
      signIn: target && !headless ? methodsOf(target) : [],
      serviceToken: state,
      session: await sessionState(url, target),
      ...(guard.protection === 'other' && target === undefined ? { how: guard.how } : {}),
      // Headless, nobody meets it: the service token is sent all the same.
      ...(obstacle && !(headless && state === 'ready') ? { obstacle } : {}),
      ...(refusal ? { refusal } : {}),
    };
  };
}

/** `value` in the place of a failure of the host's; everything else is thrown on. */
function unlessLeft<T>(error: unknown, value: T): T {
  if (!isAccessError(error) || error.code === 'cancelled') throw error;
  return value;
}

/** A Bearer challenge is Access's when its authorization server is a team's; else any RFC 9728 one. */
function settle({ guard }: Asked, target: Target | undefined): Detection['protection'] {
  if (target?.kind !== 'oauth') return guard.protection;
  const team = teamOfIssuer(new URL(target.oauth.server.issuer));
  const isAccess = team !== undefined && isAccessTeamHost(team);
  return guard.protection === 'managed_oauth' || isAccess ? 'managed_oauth' : 'oauth';
}

function teamOf(
  { guard: { claims } }: Asked,
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
