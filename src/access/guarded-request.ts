/**
 * One request to a URL that may be guarded, with at most one credential of that URL's own, and what
 * the answer says about the guard. Decides nothing.
 */
import { type Guard, tellGuard, type UnauthenticatedAnswer } from '../cloudflare/protection.ts';
import { authorizationIsOurs } from '../http/agent-headers.ts';
import type { HopRequest } from '../http/next-hop.ts';
import { discard, type Peeked, peek } from '../http/peek.ts';
import type { Incoming, Send } from '../http/send.ts';
import { bounds } from '../http/waiting/bounds.ts';
import { type Deadline, whileClientWaits, within } from '../http/waiting/within.ts';
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
  const ask = async (
    { method, url, headers, body, wire }: HopRequest,
    credential: Credential | undefined,
    signal: Deadline,
  ): Promise<Peeked<Incoming>> => {
    const answer = await send({
      method,
      url,
      headers: [...headers, ...(credential ? credentialFields(credential) : [])],
      ...(body ? { body } : {}),
      ...(wire ? { wire } : {}),
      signal,
    });
    // Cloudflare's error pages carry their number in the body; nothing else needs a look at it.
    return isErrorPage(answer) ? peek(answer, peekBytes, signal) : { text: '', answer };
  };

  return async (request, credential) => {
    const { url, body, signal, wire } = request;
    if (credential?.kind === 'oauth' && hasAuthorization(request)) throw authorizationIsOurs(url);
    const patienceMs = body ? bounds.headAfterBody : bounds.head;
    const until = wire && signal ? whileClientWaits(signal) : within(patienceMs, signal);
    const { text, answer } = await ask(request, credential, until.signal);
    // The body may be long; whoever reads it knows how long it may take.
    until.lift();
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
  const until = within(bounds.guard, signal);
  try {
    const asked = await gate({ method: 'GET', url, headers: [], signal: until.signal }, credential);
    discard(asked.answer);
    return asked;
  } finally {
    until.release();
  }
}
