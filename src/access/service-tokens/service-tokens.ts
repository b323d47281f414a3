/**
 * Service tokens: which one is sent to which application, and whether it was accepted. An application
 * that has not asked for a credential never receives the secret.
 */
import type { Abortable } from '../../abortable.ts';
import { firewallRefusalIn } from '../../cloudflare/firewall.ts';
import { asksAsAccess } from '../../cloudflare/protection.ts';
import {
  madeUpPair,
  type ServiceTokenVerdict,
  serviceTokenMissing,
  serviceTokenRefused,
  tellServiceTokenVerdict,
} from '../../cloudflare/service-token/refusal.ts';
import {
  chooseServiceToken,
  type ServiceToken,
  type ServiceTokenChoice,
} from '../../cloudflare/service-token/service-token.ts';
import type { SignedAnswer } from '../../cloudflare/signed-answer.ts';
import { AccessError } from '../../errors.ts';
import { hidesDotSegment } from '../../http/path-readings.ts';
import { unclearPath } from '../../oauth/resource-scope.ts';
import type { Credential } from '../../secrets/credential.ts';
import {
  type ResourceCredential,
  serviceTokenCredential,
} from '../../session/resource-credential.ts';
import type { Target } from '../../sign-in/target.ts';
import type { TeamProofs } from '../../sign-in/team-proofs.ts';
import { type GuardedAnswer, type GuardedSend, probe } from '../exchange/guarded-request.ts';
import type { GrantedTokens } from './granted.ts';
import { createFindServiceTokenScope } from './scope.ts';

export interface ServiceTokens {
  /** Whether a token is `ready` for `url`, or why not. Requests the signed answer if a team is pinned. */
  choose(url: URL, signal?: Abortable): Promise<ServiceTokenChoice>;
  /**
   * The token for the URL that gave `answer`, provided that Access guards it; or the reason why there is
   * none. `target`: where a person could sign in, if known; it determines which URLs receive the token.
   */
  grant(
    answer: GuardedAnswer,
    target?: Target,
    signal?: Abortable,
  ): Promise<ResourceCredential | AccessError>;
  /**
   * Stops sending it there until it is granted again, so that the person's own session takes precedence.
   */
  release(url: URL): void;
  /**
   * Tries the token with a GET and returns the answer, its body discarded. Throws what `judge` returns.
   */
  present(url: URL, credential: Credential, signal?: Abortable): Promise<GuardedAnswer>;
  /**
   * Why the answer to a request with the token means that it was refused; `undefined` if it was accepted.
   */
  judge(answer: GuardedAnswer, signal?: Abortable): Promise<AccessError | undefined>;
}

export function createServiceTokens(parts: {
  readonly tokens: readonly ServiceToken[];
  readonly granted: GrantedTokens;
  readonly pinnedTeam: string | undefined;
  readonly proofs: TeamProofs;
  readonly guardedSend: GuardedSend;
}): ServiceTokens {
  const { tokens, granted, pinnedTeam, proofs, guardedSend } = parts;
  const findScope = createFindServiceTokenScope(proofs);

  const chooseByProof = async (
    url: URL,
    signal: Abortable | undefined,
  ): Promise<{ choice: ServiceTokenChoice; proof?: SignedAnswer | undefined }> => {
    const choice = chooseServiceToken(url, tokens);
    // Proof of the team extends only the reach of the token from the environment, not of those listed by
    // host.
    const mayHelp = pinnedTeam !== undefined && tokens.some(({ general }) => general);
    if (choice.state !== 'host_not_allowed' || !mayHelp) return { choice };
    const proof = await proofs.prove(url, signal);
    const provenTeam = proof?.verified ? proof.teamDomain : undefined;
    return { choice: chooseServiceToken(url, tokens, { pinnedTeam, provenTeam }), proof };
  };

  const judge: ServiceTokens['judge'] = async ({ evidence, guard }, signal) => {
    const { url } = evidence;
    let verdict: ServiceTokenVerdict = tellServiceTokenVerdict(evidence);
    if (verdict === 'unknown' && guard.protection !== 'denied') {
      // Classic organisations do not say whether they know the token, so their answer is compared with the
      // one that a made-up token gets.
      const decoy = await probe(guardedSend, url, signal, {
        kind: 'service_token',
        ...madeUpPair(),
      });
      verdict = tellServiceTokenVerdict(evidence, decoy.evidence);
    }
    if (verdict === 'accepted') return undefined;
    granted.forget(url);
    return serviceTokenRefused(url, guard, verdict);
  };

  return {
    choose: async (url, signal) => (await chooseByProof(url, signal)).choice,
    async grant(answer, target, signal) {
      const {
        evidence: { url },
        guard,
      } = answer;
      if (!asksAsAccess(guard)) return notAskedFor(answer);
      const { choice, proof } = await chooseByProof(url, signal);
      if (choice.state !== 'ready') {
        return serviceTokenMissing(url, choice, guard.claims);
      }
      const resource = await findScope(answer, { proof, target }, signal);
      if (resource === undefined) return hidesDotSegment(url) ? unclearPath(url) : elsewhere(url);
      const { clientId, clientSecret } = choice.token;
      const credential = serviceTokenCredential(resource, {
        kind: 'service_token',
        clientId,
        clientSecret,
      });
      granted.remember(credential);
      return credential;
    },
    release: (url) => granted.forget(url),
    async present(url, credential, signal) {
      const answer = await probe(guardedSend, url, signal, credential);
      const refusal = await judge(answer, signal);
      if (refusal) throw refusal;
      return answer;
    },
    judge,
  };
}

function notAskedFor({ evidence, guard: { protection } }: GuardedAnswer): AccessError {
  const blocked = firewallRefusalIn(evidence);
  if (blocked) return blocked;
  const { host } = evidence.url;
  return new AccessError(
    'access_denied',
    `${host} does not ask for a Cloudflare Access credential, so the service token was not sent: it goes only where Access asks for it.`,
    protection === 'oauth'
      ? [{ do: 'sign_in', not: 'service_token' }]
      : [{ do: 'use_own_credential' }],
  );
}

function elsewhere({ host }: URL): AccessError {
  return new AccessError(
    'access_denied',
    `${host} names an Access application that this URL is not part of, so the service token was not sent.`,
    [{ do: 'correct_input', with: 'a URL of that application' }],
  );
}
