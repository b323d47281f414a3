/**
 * One request to a URL that may be guarded, with at most one credential of that URL's own, and what
 * the answer says about the guard. Decides nothing.
 */
import { type Guard, tellGuard, type UnauthenticatedAnswer } from '../cloudflare/protection.ts';
import { authorizationIsOurs } from '../http/agent-headers.ts';
import { firstOf } from '../http/first-of.ts';
import type { HopRequest } from '../http/next-hop.ts';
import { discard, peek } from '../http/peek.ts';
import type { Incoming, Send } from '../http/send.ts';
import { type Challenge, parseChallenges } from '../oauth/challenge.ts';
import { createConcealer } from '../secrets/concealer.ts';
import { type Credential, credentialFields, credentialSecrets } from '../secrets/credential.ts';

export interface Asked {
  readonly answer: Incoming;
  readonly guard: Guard;
  readonly challenges: readonly Challenge[];
  /** What `guard` was told from. */
  readonly evidence: UnauthenticatedAnswer;
}

export type Gate = (request: HopRequest, credential?: Credential) => Promise<Asked>;

const peekBytes = 16_384;

/** Throws `header_not_allowed` when the agent's own Authorization would have to make way for ours. */
export function createGate(send: Send): Gate {
  return async (request, credential) => {
    const { url, method, body, signal, headers, wire } = request;
    if (credential?.kind === 'oauth' && hasAuthorization(request)) throw authorizationIsOurs(url);
    const sent = await send({
      method,
      url,
      headers: [...headers, ...(credential ? credentialFields(credential) : [])],
      ...(body ? { body } : {}),
      ...(signal ? { signal } : {}),
      ...(wire ? { wire } : {}),
    });
    // Cloudflare's error pages carry their number in the body; nothing else needs a look at it.
    const { text, answer } = isErrorPage(sent)
      ? await peek(sent, peekBytes, signal)
      : { text: '', answer: sent };
    const challenges = parseChallenges(answer.headers.get('www-authenticate') ?? '');
    const evidence = {
      url,
      status: answer.status,
      headers: answer.headers,
      bodyStart: text,
      challenges,
    };
    return { answer, guard: withoutEcho(tellGuard(evidence), credential), challenges, evidence };
  };
}

/** Its words are cut when they are shown, and half a credential could not be told from words any more. */
function withoutEcho(guard: Guard, credential: Credential | undefined): Guard {
  if (!credential || guard.protection !== 'denied' || guard.words === undefined) return guard;
  return { ...guard, words: createConcealer(credentialSecrets(credential)).text(guard.words) };
}

export function hasAuthorization({ headers }: HopRequest): boolean {
  return headers.some(([name]) => name.toLowerCase() === 'authorization');
}

function isErrorPage({ status }: Incoming): boolean {
  return status >= 400 && status !== 404 && status !== 405;
}

/** A guard stands at Cloudflare's edge and answers at once; what is behind it may be slow. */
const patienceMs = 30_000;

/**
 * Asks and reads no body: what `detect` and `authenticate` need to know, without a credential or with
 * the one to be tried. The bound is for all of it, however slowly the answer drips. Throws `timeout`
 * after 30 s.
 */
export async function probe(
  gate: Gate,
  url: URL,
  signal?: AbortSignal,
  credential?: Credential,
): Promise<Asked> {
  const until = firstOf(signal, AbortSignal.timeout(patienceMs));
  try {
    const asked = await gate({ method: 'GET', url, headers: [], signal: until.signal }, credential);
    discard(asked.answer);
    return asked;
  } finally {
    until.release();
  }
}
