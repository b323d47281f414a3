/**
 * Service tokens in use: which applications have asked for a credential, which one goes where, and what
 * came of it. The rule is that an application that never asks never sees the secret.
 */

import { asksAsAccess, type Guard } from '../cloudflare/protection.ts';
import {
  madeUpPair,
  type ServiceTokenVerdict,
  serviceTokenMissing,
  serviceTokenRefused,
  tellServiceTokenVerdict,
} from '../cloudflare/service-token/refusal.ts';
import {
  chooseServiceToken,
  type ServiceToken,
  type ServiceTokenChoice,
} from '../cloudflare/service-token/service-token.ts';
import type { SignedAnswer } from '../cloudflare/signed-answer.ts';
import { AccessError } from '../errors.ts';
import { hidesDotSegment } from '../http/hidden-dot-segment.ts';
import { unclearPath } from '../oauth/resource-scope.ts';
import type { Credential } from '../secrets/credential.ts';
import { type Held, heldPair } from '../session/held-credential.ts';
import { keysCovering } from '../session/resource-key.ts';
import type { Target } from '../sign-in/target.ts';
import type { TeamProofs } from '../sign-in/team-proofs.ts';
import { type Asked, type Gate, probe } from './guarded-request.ts';
import { createFindPairScope } from './pair-scope.ts';

export interface ServiceTokens {
  /** For detection: the pair is `ready`, or why not. Asks for the signed answer when a team is pinned. */
  choose(url: URL, signal?: AbortSignal): Promise<ServiceTokenChoice>;
  /**
   * The pair for the URL that was `asked`, if it is Access that asks there; or why there is none.
   * `target`: whom a person would sign in to, where that is known, for it says how far the pair goes.
   */
  grant(asked: Asked, target?: Target, signal?: AbortSignal): Promise<Held | AccessError>;
  /** The pair, when the application that `url` lies in has asked before and took it. */
  inUse(url: URL): Held | undefined;
  /** Uses it no more there, until it is granted again: the person’s own sign-in goes first. */
  release(url: URL): void;
  /** What the URL answers to a GET with the pair; its body is let go. Throws what `judge` gives. */
  present(url: URL, pair: Credential, signal?: AbortSignal): Promise<Asked>;
  /** Settles what the answer to a request with the pair means: undefined when it was accepted. */
  judge(asked: Asked, signal?: AbortSignal): Promise<AccessError | undefined>;
}

/** A host may have any number of paths that name no application. */
const mostInUse = 1_000;

export function createServiceTokens(parts: {
  readonly tokens: readonly ServiceToken[];
  readonly pinnedTeam: string | undefined;
  readonly proofs: TeamProofs;
  readonly gate: Gate;
}): ServiceTokens {
  const { tokens, pinnedTeam, proofs, gate } = parts;
  const findScope = createFindPairScope(proofs);
  /** By resource: the pair that was accepted there. */
  const accepted = new Map<string, Held>();

  const chooseByProof = async (
    url: URL,
    signal: AbortSignal | undefined,
  ): Promise<{ choice: ServiceTokenChoice; proof?: SignedAnswer | undefined }> => {
    const choice = chooseServiceToken(url, tokens);
    // A proof of the team helps the environment's pair alone.
    const mayHelp = pinnedTeam !== undefined && tokens.some(({ general }) => general);
    if (choice.state !== 'host_not_allowed' || !mayHelp) return { choice };
    const proof = await proofs.prove(url, signal);
    const provenTeam = proof?.verified ? proof.teamDomain : undefined;
    return { choice: chooseServiceToken(url, tokens, { pinnedTeam, provenTeam }), proof };
  };

  const release: ServiceTokens['release'] = (url) => {
    for (const key of keysCovering(url)) accepted.delete(key);
  };

  const remember = (held: Held): void => {
    const [oldest] = accepted.keys();
    if (accepted.size >= mostInUse && oldest !== undefined) accepted.delete(oldest);
    accepted.set(held.resource, held);
  };

  const judge: ServiceTokens['judge'] = async ({ evidence, guard }, signal) => {
    const { url } = evidence;
    let verdict: ServiceTokenVerdict = tellServiceTokenVerdict(evidence);
    if (verdict === 'unknown' && guard.protection !== 'denied') {
      // A classic organisation does not say whether it knows the pair; a made-up one shows it.
      const decoy = await probe(gate, url, signal, { kind: 'service_token', ...madeUpPair() });
      verdict = tellServiceTokenVerdict(evidence, decoy.evidence);
    }
    if (verdict === 'accepted') return undefined;
    release(url);
    return serviceTokenRefused(url, guard, verdict);
  };

  return {
    choose: async (url, signal) => (await chooseByProof(url, signal)).choice,
    async grant(asked, target, signal) {
      const {
        evidence: { url },
        guard,
      } = asked;
      if (!asksAsAccess(guard)) return notAskedFor(url, guard);
      const { choice, proof } = await chooseByProof(url, signal);
      if (choice.state !== 'ready') {
        return serviceTokenMissing(url, choice, guard.claims) as AccessError;
      }
      const resource = await findScope(asked, { proof, target }, signal);
      if (resource === undefined) return hidesDotSegment(url) ? unclearPath(url) : elsewhere(url);
      const { clientId, clientSecret } = choice.token;
      const held = heldPair(resource, { kind: 'service_token', clientId, clientSecret });
      remember(held);
      return held;
    },
    release,
    inUse(url) {
      const key = keysCovering(url).find((each) => accepted.has(each));
      return key === undefined ? undefined : accepted.get(key);
    },
    async present(url, pair, signal) {
      const asked = await probe(gate, url, signal, pair);
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

function elsewhere({ host }: URL): AccessError {
  return new AccessError(
    'access_denied',
    `${host} names an Access application in which this URL does not lie, so the service token stays here.`,
    'Call again with a URL of the application that is meant.',
  );
}
