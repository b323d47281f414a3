/**
 * Sends one hop of a request (start reading this room here): with the credential for its resource, if
 * there is one, and again with the next credential as long as the answer is a challenge. Retries are
 * decided by status and error codes, never by the text of an answer.
 */
import type { Abortable } from '../../abortable.ts';
import { refusalFor } from '../../cloudflare/refusal.ts';
import { isAccessError } from '../../errors.ts';
import type { HopAnswer } from '../../http/hops.ts';
import type { HopRequest } from '../../http/next-hop.ts';
import { discard } from '../../http/peek.ts';
import { concealFailure, createConcealer } from '../../secrets/concealer.ts';
import { credentialSecrets } from '../../secrets/credential.ts';
import type { ResourceCredential } from '../../session/resource-credential.ts';
import { isBareBearer } from '../../sign-in/target.ts';
import { attempt } from '../attempt.ts';
import type { Credentials } from '../credentials.ts';
import type { MakePlan } from '../plan.ts';
import type { RunPlan } from '../run-plan.ts';
import type { GrantedTokens } from '../service-tokens/granted.ts';
import type { ServiceTokens } from '../service-tokens/service-tokens.ts';
import {
  type GuardedAnswer,
  type GuardedSend,
  hasAuthorization,
  probe,
} from './guarded-request.ts';
import type { NextCredential } from './next-credential.ts';
import { type ExchangeOptions, nothingTried } from './tried.ts';
import { createClarify } from './unclear-answer.ts';

export type SendGuardedHop = (request: HopRequest, options: ExchangeOptions) => Promise<HopAnswer>;

export function createSendGuardedHop(parts: {
  readonly guardedSend: GuardedSend;
  readonly credentials: Credentials;
  readonly granted: GrantedTokens;
  readonly serviceTokens: Pick<ServiceTokens, 'choose' | 'judge'>;
  readonly makePlan: MakePlan;
  readonly runPlan: Pick<RunPlan, 'silently'>;
  readonly nextCredential: NextCredential;
  readonly headless: boolean;
}): SendGuardedHop {
  const { guardedSend, credentials, granted, serviceTokens, makePlan, runPlan } = parts;
  const { nextCredential, headless } = parts;
  const clarify = createClarify({ guardedSend, serviceTokens });

  const exchange = async (
    request: HopRequest,
    options: ExchangeOptions,
    sendWith: (credential: ResourceCredential | undefined) => Promise<GuardedAnswer>,
  ): Promise<HopAnswer> => {
    const { url, signal } = request;
    const tried = nothingTried();
    let credential = hasAuthorization(request)
      ? await credentials.findBeside(url, signal)
      : await credentials.find(url, 0, signal);
    let answer = await sendWith(credential);
    for (;;) {
      if (isPlain(answer)) return given(answer, credential);
      if (!tried.asStranger && isAmbiguous(answer, credential)) {
        tried.asStranger = true;
        const stranger = await probe(guardedSend, url, signal);
        const other = await silentlyFor(stranger, credential, signal);
        if (other) {
          discard(answer.response);
          credential = other;
          answer = await sendWith(credential);
          continue;
        }
        if (answer.guard.protection === 'service_auth') {
          answer = { ...answer, guard: stranger.guard };
        }
      }
      answer = await clarified(answer, request, credential);
      if (!headless && tried.authorizations > 0 && isForPeople(answer, credential, request)) {
        granted.forget(url);
        credential = undefined;
      }
      if (await isFinal(answer, credential, request)) return given(answer, credential);
      discard(answer.response);
      credential = await nextCredential.after(answer, credential, request, tried, options);
      answer = await sendWith(credential);
    }
  };

  const clarified = async (
    answer: GuardedAnswer,
    request: HopRequest,
    credential: ResourceCredential | undefined,
  ): Promise<GuardedAnswer> => {
    try {
      return await clarify(answer, request, credential);
    } catch (error) {
      discard(answer.response);
      throw error;
    }
  };

  /**
   * True if the agent gets this answer, false if it is a challenge that another credential may satisfy.
   * Throws if the answer is a refusal.
   */
  async function isFinal(
    answer: GuardedAnswer,
    credential: ResourceCredential | undefined,
    request: HopRequest,
  ): Promise<boolean> {
    const { url, signal } = request;
    const { guard, response } = answer;
    const hasServiceToken = credential?.credential.kind === 'service_token';
    if (hasServiceToken || !isChallenge(answer, credential, request)) {
      const refused = hasServiceToken ? await serviceTokens.judge(answer, signal) : undefined;
      const asPerson = credential !== undefined && !hasServiceToken;
      const refusal = refused ?? refusalFor(guard, url, asPerson);
      if (!refusal) return true;
      discard(response);
      throw refusal;
    }
    if (guard.protection !== 'other') return false;
    // Only the resource's metadata tells whether we can satisfy a Bearer challenge. If we cannot, the
    // agent gets this answer unchanged.
    const { kind, obstacle } = await makePlan(answer, { signal });
    if (obstacle) throw obstacle;
    return kind === 'foreign';
  }

  /** Ignores failures, because the 401 may be the application's own answer, which is then returned. */
  async function silentlyFor(
    stranger: GuardedAnswer,
    refused: ResourceCredential | undefined,
    signal: Abortable | undefined,
  ): Promise<ResourceCredential | undefined> {
    if (stranger.guard.protection !== 'browser_login') return undefined;
    const plan = await makePlan(stranger, { signal });
    const found = await attempt(runPlan.silently(plan, refused, signal), signal);
    return isAccessError(found) ? undefined : found;
  }

  return async (request, options) => {
    const sent = new Set<string>();
    try {
      return await exchange(request, options, (credential) => {
        const secrets = credential ? credentialSecrets(credential.credential) : [];
        for (const secret of secrets) sent.add(secret);
        const { url, headers, cookies } = request;
        const attached = cookies?.attach(url, headers, credential?.identity ?? '') ?? headers;
        return guardedSend({ ...request, headers: attached }, credential?.credential);
      });
    } catch (error) {
      // A refusal quotes the answer, which may echo the credential that was sent.
      throw concealFailure(error, createConcealer([...sent]));
    }
  };
}

function given({ response }: GuardedAnswer, credential: ResourceCredential | undefined): HopAnswer {
  return {
    auth: credential?.credential.kind ?? 'none',
    identity: credential?.identity ?? '',
    secrets: credential ? credentialSecrets(credential.credential) : [],
    ...response,
  };
}

/** Nothing shows a guard, so nothing is left to find out, whatever was sent: most answers. */
function isPlain({ guard }: GuardedAnswer): boolean {
  return guard.protection === 'none' && guard.trouble === undefined;
}

/** True if the answer comes from Access or another guard, and a credential of ours could change it. */
function isChallenge(
  { guard, challenges }: GuardedAnswer,
  credential: ResourceCredential | undefined,
  request: HopRequest,
): boolean {
  switch (guard.protection) {
    case 'managed_oauth':
    case 'oauth':
    case 'browser_login':
    case 'service_auth':
      return true;
    case 'other':
      // A Bearer challenge without metadata concerns us if we sent a token, or if nobody sent one.
      return (
        isBareBearer(guard, challenges) &&
        (credential?.credential.kind === 'oauth' || (!credential && !hasAuthorization(request)))
      );
    case 'denied':
      // The refusal is final for the credential that was sent. Without one, a credential may change it.
      return guard.reason === 'policy' && credential === undefined;
    case 'none':
      return false;
  }
}

/**
 * The service token was sent because a refusal of `OPTIONS` seemed to ask for it, and a GET shows that
 * people sign in here: as for a GET, they come first.
 */
function isForPeople(
  { guard }: GuardedAnswer,
  credential: ResourceCredential | undefined,
  { method }: HopRequest,
): boolean {
  if (method !== 'OPTIONS' || credential?.credential.kind !== 'service_token') return false;
  return guard.protection === 'browser_login' || guard.protection === 'managed_oauth';
}

/**
 * A 401 to an application's JWT may be Access's refusal of it or the application's own answer
 * (cloudflare-access.md §5.6). So another token is tried, but nobody is asked to sign in because of it
 * alone.
 */
function isAmbiguous(
  { response, guard }: GuardedAnswer,
  credential: ResourceCredential | undefined,
): boolean {
  if (credential?.credential.kind !== 'cf_access_token' || response.status !== 401) return false;
  return (
    guard.protection === 'service_auth' || (guard.protection === 'other' && guard.how === 'status')
  );
}
