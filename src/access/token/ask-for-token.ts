/**
 * Gives the token itself where no kept session has it: asks the application what it takes, but never
 * asks anybody to sign in.
 */
import type { Abortable } from '../../abortable.ts';
import { readJwt } from '../../cloudflare/jwt.ts';
import { asksAsAccess } from '../../cloudflare/protection.ts';
import { AccessError } from '../../errors.ts';
import type { ResourceCredential } from '../../session/resource-credential.ts';
import { isBareBearer, obstacleAt } from '../../sign-in/target.ts';
import { type GuardedSend, probe } from '../exchange/guarded-request.ts';
import type { MakePlan } from '../plan.ts';
import type { RunPlan } from '../run-plan.ts';
import type { ServiceTokens } from '../service-tokens/service-tokens.ts';
import { signInRequired } from '../sign-in-required.ts';
import { type GivenToken, given } from './kept-token.ts';
import { NoCredentialAsked } from './no-credential-asked.ts';

/**
 * Throws `sign_in_required`, `service_token_not_disclosed`, the service token errors, and what a refresh
 * throws. It never returns a refresh token or a service token's secret.
 */
export type AskForToken = (
  url: URL,
  /** What is there, if anything, and will not do. */
  current: ResourceCredential | undefined,
  signal?: Abortable,
) => Promise<GivenToken>;

export function createAskForToken(parts: {
  readonly guardedSend: GuardedSend;
  readonly serviceTokens: ServiceTokens;
  readonly makePlan: MakePlan;
  readonly runPlan: RunPlan;
}): AskForToken {
  const { guardedSend, serviceTokens, makePlan, runPlan } = parts;

  return async (url, current, signal) => {
    const hasServiceToken = current?.credential.kind === 'service_token';
    const answer = await probe(guardedSend, url, signal);
    const { guard, challenges } = answer;
    // Only for a login page may there be credentials that are not stored as sessions.
    const mayLogIn = guard.protection === 'browser_login' || guard.protection === 'denied';
    const withTarget = mayLogIn && !hasServiceToken;
    const plan = await makePlan(answer, { withTarget, signal });
    if (plan.kind === 'refused') throw plan.refusal;
    if (plan.kind === 'open') throw new NoCredentialAsked(url);
    const unasked = guard.protection === 'denied';
    if (plan.obstacle && !unasked) throw plan.obstacle;
    const silent = withTarget
      ? ((await runPlan.silently(plan, current, signal)) ?? current)
      : undefined;
    if (silent) return given(silent, silent.credential);
    const isForPeople = guard.protection === 'oauth' || isBareBearer(guard, challenges);
    if (isForPeople) throw signInRequired(url, 'token', guard);
    if (guard.protection === 'managed_oauth' || mayLogIn) {
      const { state } = await serviceTokens.choose(url, signal);
      if (state !== 'ready') {
        throw plan.obstacle ?? obstacleAt(plan.target) ?? signInRequired(url, 'token', guard);
      }
    }
    const serviceToken = await serviceTokens.grant(answer, undefined, signal);
    if (serviceToken instanceof AccessError) throw serviceToken;
    try {
      return await applicationToken(url, serviceToken, signal);
    } finally {
      // Returning a token must not change how the URL is fetched later.
      if (!hasServiceToken) serviceTokens.release(url);
    }
  };

  /**
   * Whether Access accepts the JWT without the service token, which it does not if there are only Service
   * Auth policies.
   */
  async function isTaken(
    url: URL,
    jwt: string,
    byServiceToken: { readonly status: number },
    signal: Abortable | undefined,
  ): Promise<boolean> {
    const { guard, response } = await probe(guardedSend, url, signal, {
      kind: 'cf_access_token',
      jwt,
    });
    if (asksAsAccess(guard)) return false;
    // A 401 refuses it as well (cloudflare-access.md §5.6), unless it is the application's own.
    return response.status !== 401 || byServiceToken.status === 401;
  }

  /** Classic organisations respond to a service token with a JWT for the application, in a cookie. */
  async function applicationToken(
    url: URL,
    { credential, resource }: ResourceCredential,
    signal: Abortable | undefined,
  ): Promise<GivenToken> {
    const { response } = await serviceTokens.present(url, credential, signal);
    const jwt = response.headers
      .getSetCookie()
      .map((cookie) => /^CF_Authorization=([\w-]+\.[\w-]+\.[\w-]+)(?:;|$)/.exec(cookie)?.[1])
      .find((value) => value !== undefined);
    if (jwt === undefined) throw notDisclosed(url, 'Access issued no token for the application');
    if (!(await isTaken(url, jwt, response, signal))) {
      throw notDisclosed(
        url,
        'Access does not take the application’s token without it (its policies let in service tokens alone)',
      );
    }
    const exp = readJwt(jwt)?.claims.exp;
    return given(
      {
        resource,
        ...(typeof exp === 'number' && Number.isFinite(exp) ? { expiresAt: exp * 1000 } : {}),
      },
      { kind: 'cf_access_token', jwt },
    );
  }
}

function notDisclosed({ host }: URL, why: string): AccessError {
  return new AccessError(
    'service_token_not_disclosed',
    `${host} is reached with a service token, whose secret is never given out, and ${why}.`,
    [
      { do: 'fetch', because: 'sends_service_token' },
      { when: 'otherwise', do: 'run_with_service_token' },
    ],
  );
}
