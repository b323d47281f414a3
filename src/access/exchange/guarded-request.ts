/**
 * One request to a URL that may be guarded, carrying at most one credential, and what the answer says
 * about the guard. It decides nothing.
 */
import type { Abortable } from '../../abortable.ts';
import { isAccessPage } from '../../cloudflare/access-pages.ts';
import { isRefusedByName, type UserAgents } from '../../cloudflare/firewall.ts';
import { type Guard, tellGuard, type UnauthenticatedAnswer } from '../../cloudflare/protection.ts';
import { AccessError } from '../../errors.ts';
import { authorizationIsOurs } from '../../http/agent-headers.ts';
import type { HopRequest } from '../../http/next-hop.ts';
import { discard, type Peeked, peek } from '../../http/peek.ts';
import type { Incoming, Send } from '../../http/send.ts';
import { bounds } from '../../http/waiting/bounds.ts';
import { whileClientWaits, within } from '../../http/waiting/within.ts';
import { type Challenge, parseChallenges } from '../../oauth/challenge.ts';
import { createConcealer } from '../../secrets/concealer.ts';
import { type Credential, credentialFields, credentialSecrets } from '../../secrets/credential.ts';

export interface GuardedAnswer {
  readonly response: Incoming;
  readonly guard: Guard;
  readonly challenges: readonly Challenge[];
  /** What `guard` was derived from. */
  readonly evidence: UnauthenticatedAnswer;
}

export interface GuardedSend {
  (request: HopRequest, credential?: Credential): Promise<GuardedAnswer>;
  /** The agent's own that the firewall of an origin has let through. */
  readonly userAgents?: UserAgents;
}

const peekBytes = 16_384;

/**
 * Throws `header_not_allowed` when the agent's own Authorization would be overwritten by ours, and
 * `invalid_input` when a credential would go to one of Access's own pages.
 */
export function createGuardedSend(send: Send, userAgents?: UserAgents): GuardedSend {
  const guardedSend: GuardedSend = async (request, credential) => {
    const { method, url, headers, body, signal, wire } = request;
    if (credential?.kind === 'oauth' && hasAuthorization(request)) throw authorizationIsOurs(url);
    if (credential && isAccessPage(url.pathname)) throw notSentThere(url);
    const patienceMs = body ? bounds.headAfterBody : bounds.head;
    const until = wire && signal ? whileClientWaits(signal) : within(patienceMs, signal);
    const { deadline } = until;
    let peeked: Peeked<Incoming>;
    try {
      const answer = await send({
        method,
        url,
        headers: credential ? [...headers, ...credentialFields(credential)] : headers,
        signal: deadline,
        ...(body ? { body } : {}),
        ...(wire ? { wire } : {}),
      });
      // Only Cloudflare's error pages have to be read: their number is in the body.
      peeked = isErrorPage(answer) ? await peek(answer, peekBytes, deadline) : { text: '', answer };
    } finally {
      // The deadline was for the head; whoever reads the body sets its own.
      until.lift();
    }
    const { text, answer: response } = peeked;
    const challenges = parseChallenges(response.headers.get('www-authenticate') ?? '');
    const evidence = {
      url,
      status: response.status,
      headers: response.headers,
      bodyStart: text,
      challenges,
    };
    const guard = withoutEcho(tellGuard(evidence), credential);
    const userAgent = fieldOf(request, 'user-agent');
    if (userAgent !== undefined && !isBlocked(guard)) userAgents?.passed(url, userAgent);
    return { response, guard, challenges, evidence };
  };
  return userAgents ? Object.assign(guardedSend, { userAgents }) : guardedSend;
}

function isBlocked(guard: Guard): boolean {
  return guard.protection === 'other' && guard.how.startsWith('cloudflare_');
}

function notSentThere({ host }: URL): AccessError {
  return new AccessError(
    'invalid_input',
    `The address is one of Cloudflare Access’s own pages on ${host} (/cdn-cgi/access/), which hand out or end credentials: none was sent there.`,
    [
      { do: 'correct_input', with: 'a page of the application' },
      { when: 'to_sign_in', do: 'sign_in' },
    ],
  );
}

/** Concealed before the words are truncated for display: half a credential would no longer be recognised. */
function withoutEcho(guard: Guard, credential: Credential | undefined): Guard {
  if (!credential || guard.protection !== 'denied' || guard.words === undefined) return guard;
  return { ...guard, words: createConcealer(credentialSecrets(credential)).text(guard.words) };
}

export function hasAuthorization(request: HopRequest): boolean {
  return fieldOf(request, 'authorization') !== undefined;
}

function fieldOf({ headers }: HopRequest, wanted: string): string | undefined {
  return headers.find(([name]) => name.toLowerCase() === wanted)?.[1];
}

function isErrorPage({ status }: Incoming): boolean {
  return status >= 400 && status !== 404 && status !== 405;
}

/**
 * Sends a GET to learn how `url` is guarded and discards the body; once more under the agent's own
 * User-Agent, where a firewall refuses ours and has let that through. `credential`: to be tried out.
 * Throws `timeout` after 30 s, however slowly the answer trickles in.
 */
export async function probe(
  guardedSend: GuardedSend,
  url: URL,
  signal?: Abortable,
  credential?: Credential,
  headers: HopRequest['headers'] = [],
): Promise<GuardedAnswer> {
  const until = within(bounds.guard, signal);
  try {
    const { deadline } = until;
    const ask = async (fields: HopRequest['headers']) => {
      const request = { method: 'GET', url, headers: fields, signal: deadline };
      const answer = await guardedSend(request, credential);
      discard(answer.response);
      return answer;
    };
    const answer = await ask(headers);
    const { status, bodyStart } = answer.evidence;
    const userAgent = guardedSend.userAgents?.at(url);
    if (userAgent === undefined || !isRefusedByName(status, bodyStart)) return answer;
    return await ask([['user-agent', userAgent]]);
  } finally {
    until.release();
  }
}
