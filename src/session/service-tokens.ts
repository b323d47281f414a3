/**
 * Service tokens in use: which origins have asked for a credential, which one goes where, and what
 * came of it. The rule is that a host that never asks never sees the secret.
 */

import { asksAsAccess, type Guard } from '../cloudflare/protection.ts';
import {
  chooseServiceToken,
  type ServiceToken,
  type ServiceTokenChoice,
} from '../cloudflare/service-token.ts';
import {
  madeUpPair,
  type ServiceTokenVerdict,
  serviceTokenMissing,
  serviceTokenRefused,
  tellServiceTokenVerdict,
} from '../cloudflare/service-token-refusal.ts';
import { AccessError } from '../errors.ts';
import type { Credential } from '../http/credential.ts';
import { discard } from '../http/peek.ts';
import type { Asked, Gate } from './gate.ts';
import type { TeamProofs } from './team-proofs.ts';

export interface ServiceTokens {
  /** For detection: the pair is `ready`, or why not. Asks for the signed answer when a team is pinned. */
  choose(url: URL, signal?: AbortSignal): Promise<ServiceTokenChoice>;
  /** The pair for the URL that was `asked`, if it is Access that asks there; or why there is none. */
  grant(asked: Asked, signal?: AbortSignal): Promise<Credential | AccessError>;
  /** The pair, when this origin has asked before and took it. */
  inUse(url: URL): Credential | undefined;
  /** Uses it no more at this origin, until it is granted again: the person's own sign-in goes first. */
  release(url: URL): void;
  /** What the URL answers to a GET with the pair; its body is let go. Throws what `judge` gives. */
  present(url: URL, pair: Credential, signal?: AbortSignal): Promise<Asked>;
  /** Settles what the answer to a request with the pair means: undefined when it was accepted. */
  judge(asked: Asked, signal?: AbortSignal): Promise<AccessError | undefined>;
}

export function createServiceTokens(parts: {
  readonly tokens: readonly ServiceToken[];
  readonly pinnedTeam: string | undefined;
  readonly proofs: TeamProofs;
  readonly gate: Gate;
}): ServiceTokens {
  const { tokens, pinnedTeam, proofs, gate } = parts;
  /** By origin: the pair that was accepted there. */
  const accepted = new Map<string, Credential>();

  const choose: ServiceTokens['choose'] = async (url, signal) => {
    const choice = chooseServiceToken(url, tokens);
    // A proof of the team helps the environment's pair alone.
    const mayHelp = pinnedTeam !== undefined && tokens.some(({ general }) => general);
    if (choice.state !== 'host_not_allowed' || !mayHelp) return choice;
    const proof = await proofs.prove(url, signal);
    const provenTeam = proof?.verified ? proof.teamDomain : undefined;
    return chooseServiceToken(url, tokens, { pinnedTeam, provenTeam });
  };

  const ask = async (url: URL, pair: Credential, signal?: AbortSignal): Promise<Asked> => {
    const asked = await gate(
      { method: 'GET', url, headers: [], ...(signal ? { signal } : {}) },
      pair,
    );
    discard(asked.answer);
    return asked;
  };

  const judge: ServiceTokens['judge'] = async ({ evidence, guard }, signal) => {
    const { url } = evidence;
    let verdict: ServiceTokenVerdict = tellServiceTokenVerdict(evidence);
    if (verdict === 'unknown' && guard.protection !== 'denied') {
      // A classic organisation does not say whether it knows the pair; a made-up one shows it.
      const decoy = await ask(url, { kind: 'service_token', ...madeUpPair() }, signal);
      verdict = tellServiceTokenVerdict(evidence, decoy.evidence);
    }
    if (verdict === 'accepted') return undefined;
    accepted.delete(url.origin);
    return serviceTokenRefused(url, guard, verdict);
  };

  return {
    choose,
    async grant({ evidence: { url }, guard }, signal) {
      if (!asksAsAccess(guard)) return notAskedFor(url, guard);
      const choice = await choose(url, signal);
      if (choice.state === 'ready') {
        const { clientId, clientSecret } = choice.token;
        const credential: Credential = { kind: 'service_token', clientId, clientSecret };
        accepted.set(url.origin, credential);
        return credential;
      }
      return serviceTokenMissing(url, choice, guard.claims) as AccessError;
    },
    release: (url) => void accepted.delete(url.origin),
    inUse: (url) => accepted.get(url.origin),
    async present(url, pair, signal) {
      const asked = await ask(url, pair, signal);
      const refusal = await judge(asked, signal);
      if (refusal) throw refusal;
      return asked;
    },
    judge,
  };
}

function notAskedFor({ host }: URL, { protection }: Guard): AccessError {
  return new AccessError(
    'access_denied',
    `${host} does not ask for a credential of Cloudflare Access, so the service token stays here: it is sent to nobody else.`,
    protection === 'oauth'
      ? 'Call authenticate with this URL and without "method": "service_token", so that the person signs in.'
      : 'Ask the person for the application’s own credentials, and pass them in the headers of access_fetch.',
  );
}
