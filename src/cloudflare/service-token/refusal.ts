/**
 * Explains why a service token was not sent or was refused, with the variable to set or the person to ask.
 */
import { randomBytes } from 'node:crypto';
import { AccessError } from '../../errors.ts';
import type { NextStep } from '../../next-step.ts';
import { readJwt } from '../jwt.ts';
import {
  type Guard,
  tellGuard,
  type UnauthenticatedAnswer,
  type UnsignedClaims,
} from '../protection.ts';
import { refusalFor } from '../refusal.ts';
import type { ServiceTokenChoice } from './service-token.ts';

/** Why no service token is sent to `url`. */
export function serviceTokenMissing(
  url: URL,
  { state }: Exclude<ServiceTokenChoice, { state: 'ready' }>,
  claims: UnsignedClaims,
): AccessError {
  const host = patternFor(url);
  switch (state) {
    case 'not_configured':
      return new AccessError(
        'service_token_not_configured',
        `${url.host} wants a service token, and none is configured.`,
        [{ do: 'use_service_token', host }],
      );
    case 'host_not_allowed':
      return new AccessError(
        'service_token_host_not_allowed',
        `A service token is configured, but not for ${url.host}${claimed(claims)}.`,
        [
          {
            when: 'trusted_with_secret',
            do: 'set_variables',
            variables: [{ name: 'CF_ACCESS_HOSTS', entry: host }],
          },
          ...pinTeam(claims),
        ],
      );
  }
}

/**
 * What the answer to a request with a service token means. Strict organisations answer 401 to a token that
 * cannot authenticate and 403 to one that is not allowed. Classic ones answer both like an unauthenticated
 * request: with the login redirect, or with 403 without `Cf-Access-Error`.
 */
export type ServiceTokenVerdict =
  | 'accepted'
  | 'rejected'
  | 'not_allowed'
  /** A classic organisation does not say which. */
  | 'rejected_or_not_allowed'
  /** Not decided yet: compare with the answer to a made-up service token. */
  | 'unknown';

/**
 * When the verdict is `unknown`, send another request with a `madeUpPair` and pass its answer as `decoy`:
 * it shows how this organisation answers a token that does not exist.
 */
export function tellServiceTokenVerdict(
  answer: UnauthenticatedAnswer,
  decoy?: UnauthenticatedAnswer,
): ServiceTokenVerdict {
  const guard = tellGuard(answer);
  switch (guard.protection) {
    case 'none':
    case 'oauth':
      return 'accepted';
    case 'denied':
      return guard.reason === 'policy' ? 'not_allowed' : 'unknown';
    case 'browser_login':
      return knowsServiceToken(guard.loginUrl) ? 'not_allowed' : 'rejected_or_not_allowed';
    case 'managed_oauth':
      return 'rejected_or_not_allowed';
    case 'service_auth':
      if (answer.status === 401) return 'rejected';
      if (!decoy) return 'unknown';
      // Only a strict organisation answers 401 here, and it did not do so for the real token.
      return decoy.status === 401 ? 'not_allowed' : 'rejected_or_not_allowed';
    case 'other':
      // A bare 401 may come from a strict organisation, or from the origin behind Access.
      if (answer.status !== 401 || guard.how !== 'status') return 'accepted';
      if (!decoy) return 'unknown';
      return isAlike(answer, decoy) ? 'rejected' : 'accepted';
  }
}

/**
 * Whether the login redirect's `meta` says that the service token is valid. It is not verified, because it
 * only chooses between two refusals.
 */
function knowsServiceToken(loginUrl: URL | undefined): boolean {
  const meta = readJwt(loginUrl?.searchParams.get('meta') ?? '');
  return meta?.claims.service_token_status === true;
}

/** Client ID and secret in today's format that no organisation has issued. */
export function madeUpPair(): { clientId: string; clientSecret: string } {
  return {
    clientId: `${randomBytes(16).toString('hex')}.access`,
    clientSecret: `cfast_${randomBytes(24).toString('hex')}`,
  };
}

/** Whether both are the same page, apart from the ray ID and the time that such pages contain. */
function isAlike(one: UnauthenticatedAnswer, other: UnauthenticatedAnswer): boolean {
  return (
    one.status === other.status &&
    one.headers.get('content-type') === other.headers.get('content-type') &&
    Math.abs(one.bodyStart.length - other.bodyStart.length) <= 16
  );
}

/** The error for a verdict other than `accepted`. */
export function serviceTokenRefused(
  url: URL,
  guard: Guard,
  verdict: Exclude<ServiceTokenVerdict, 'accepted'>,
): AccessError {
  if (verdict === 'rejected' || verdict === 'rejected_or_not_allowed') {
    return new AccessError(
      'service_token_rejected',
      `${url.host} does not accept the service token: it is wrong, expired or disabled${verdict === 'rejected' ? '' : ', or no policy of the application names it (its organisation gives the same answer in all of these cases)'}.`,
      [{ do: 'do_not_retry' }, { do: 'check_service_token' }],
    );
  }
  const refusal = refusalFor(guard, url);
  if (refusal && guard.protection === 'denied' && guard.reason === 'no_application') return refusal;
  return new AccessError(
    'access_denied',
    verdict === 'not_allowed'
      ? `${url.host} knows the service token but does not allow it: no Service Auth policy of the application names it (in a policy with the action Allow a service token counts for nothing).`
      : `${url.host} refuses the service token: no policy of the application names it, or it is wrong or expired (the answer does not say which).`,
    [
      { do: 'do_not_retry' },
      {
        do: 'ask_administrator',
        to: `add the service token to a Service Auth policy of this application${verdict === 'unknown' ? ', and check that it is still valid' : ''}`,
      },
    ],
  );
}

function claimed({ teamDomain }: UnsignedClaims): string {
  return teamDomain ? `, which claims (unverified) to be of the team ${teamDomain}` : '';
}

function pinTeam({ teamDomain }: UnsignedClaims): NextStep {
  if (!teamDomain) return [];
  const variables = [{ name: 'CF_ACCESS_TEAM_DOMAIN', value: teamDomain }];
  return [{ when: 'own_team', do: 'set_variables', variables }];
}

/** The host as it is written in CF_ACCESS_HOSTS. */
function patternFor(url: URL): string {
  return url.host.replace(/\.(?=:|$)/, '');
}
