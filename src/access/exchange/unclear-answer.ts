/**
 * Answers that depend on how the request was made: Access refuses `OPTIONS`, whoever asks, and shows its
 * login page to whatever looks like a browser; neither says how one may get in (cloudflare-access.md §1).
 * What the guard says to a GET of our own, without a body, tells.
 */
import { AccessError } from '../../errors.ts';
import type { HopRequest } from '../../http/next-hop.ts';
import type { ResourceCredential } from '../../session/resource-credential.ts';
import type { ServiceTokens } from '../service-tokens/service-tokens.ts';
import { type GuardedAnswer, type GuardedSend, probe } from './guarded-request.ts';

/**
 * `answer` with what the guard says to a GET with the same credential, where `answer` leaves it open; else
 * `answer` as it is. Throws `access_denied` where only the method is refused.
 */
export type Clarify = (
  answer: GuardedAnswer,
  request: HopRequest,
  credential: ResourceCredential | undefined,
) => Promise<GuardedAnswer>;

export function createClarify({
  guardedSend,
  serviceTokens,
}: {
  readonly guardedSend: GuardedSend;
  readonly serviceTokens: Pick<ServiceTokens, 'choose'>;
}): Clarify {
  /** URLs (without their query) where a GET met no guard: their 403 to OPTIONS is the application's own. */
  const open = new Set<string>();

  const isUnclear = async (
    { guard, response }: GuardedAnswer,
    { method, url, signal }: HopRequest,
    credential: ResourceCredential | undefined,
  ): Promise<boolean> => {
    if (method === 'GET' || method === 'HEAD') return false;
    if (isByAccess(guard)) {
      if (credential) return method === 'OPTIONS' && response.status === 403;
      // Access asks for a credential, and one that needs nobody is sent at once.
      return (await serviceTokens.choose(url, signal)).state !== 'ready';
    }
    // One that does not show whose it is says nothing against a credential. Access answers at Cloudflare's
    // edge, which marks all that comes from there.
    if (method !== 'OPTIONS' || credential || response.status !== 403 || !isBare(guard))
      return false;
    return response.headers.has('cf-ray') && !open.has(pageOf(url));
  };

  return async (answer, request, credential) => {
    const { url, method, signal } = request;
    if (isLoginForItsLooks(answer, request, credential)) {
      const asked = await probe(guardedSend, url, signal, credential?.credential);
      const { guard, challenges, evidence } = asked;
      if (guard.protection !== 'managed_oauth') return answer;
      return { ...answer, guard, challenges, evidence };
    }
    if (!(await isUnclear(answer, request, credential))) return answer;
    const asked = await probe(guardedSend, url, signal, credential?.credential);
    const { guard, challenges, evidence } = asked;
    if (!credential && guard.protection === 'none') {
      if (open.size >= mostOpen) open.clear();
      open.add(pageOf(url));
    }
    if (guard.protection !== 'none' || guard.trouble) {
      return { ...answer, guard, challenges, evidence };
    }
    if (method !== 'OPTIONS') return answer;
    if (answer.guard.protection !== 'other') throw methodRefused(url);
    return { ...answer, guard, challenges, evidence };
  };
}

const mostOpen = 1_000;

function pageOf({ origin, pathname }: URL): string {
  return origin + pathname;
}

/** A login page where programs may be offered OAuth. A service token is refused for itself. */
function isLoginForItsLooks(
  { guard }: GuardedAnswer,
  { headers }: HopRequest,
  credential: ResourceCredential | undefined,
): boolean {
  if (guard.protection !== 'browser_login' || credential?.credential.kind === 'service_token')
    return false;
  return headers.some(
    ([name, value]) =>
      /^sec-fetch-/i.test(name) ||
      (/^accept$/i.test(name) && /text\/html/i.test(value)) ||
      (/^user-agent$/i.test(name) && /mozilla/i.test(value)),
  );
}

function isByAccess(guard: GuardedAnswer['guard']): boolean {
  return (
    guard.protection === 'service_auth' ||
    (guard.protection === 'denied' && guard.reason === 'policy')
  );
}

function isBare(guard: GuardedAnswer['guard']): boolean {
  return guard.protection === 'other' && guard.how === 'status';
}

function methodRefused({ host }: URL): AccessError {
  return new AccessError(
    'access_denied',
    `Cloudflare Access refuses OPTIONS requests to ${host}, whoever sends them; other requests get through.`,
    [
      { do: 'avoid_sign_in', why: 'same_answer' },
      {
        do: 'ask_administrator',
        to: 'let OPTIONS requests through to the application (in its settings for CORS), if they are needed',
      },
    ],
  );
}
