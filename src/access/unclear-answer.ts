/**
 * Refusals that depend on the method: Access refuses `OPTIONS`, whoever asks, and says nothing with it of
 * who may get in (cloudflare-access.md §1). What the guard says to a GET without a body tells.
 */
import { AccessError } from '../errors.ts';
import type { HopRequest } from '../http/next-hop.ts';
import type { ResourceCredential } from '../session/resource-credential.ts';
import { type GuardedAnswer, type GuardedSend, probe } from './guarded-request.ts';
import type { ServiceTokens } from './service-tokens/service-tokens.ts';

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
  const isUnclear = async (
    { guard, response }: GuardedAnswer,
    { method, url, signal }: HopRequest,
    credential: ResourceCredential | undefined,
  ): Promise<boolean> => {
    const byAccess =
      guard.protection === 'service_auth' ||
      (guard.protection === 'denied' && guard.reason === 'policy');
    switch (method) {
      case 'GET':
      case 'HEAD':
        return false;
      case 'OPTIONS':
        // One that does not show whose it is says nothing against a credential either.
        return response.status === 403 && (byAccess || (isBare(guard) && !credential));
      default:
        if (!byAccess || credential) return false;
        // Where the service token is what is asked for, it is sent at once.
        if (guard.protection === 'denied') return true;
        return (await serviceTokens.choose(url, signal)).state !== 'ready';
    }
  };

  return async (answer, request, credential) => {
    if (!(await isUnclear(answer, request, credential))) return answer;
    const { url, method, signal } = request;
    const asked = await probe(guardedSend, url, signal, credential?.credential);
    const { guard, challenges, evidence } = asked;
    if (guard.protection !== 'none' || guard.trouble) {
      return { ...answer, guard, challenges, evidence };
    }
    if (method !== 'OPTIONS') return answer;
    if (answer.guard.protection !== 'other') throw methodRefused(url);
    return { ...answer, guard, challenges, evidence };
  };
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
