/**
 * Which URLs receive the service token once one of them has asked for it: those of the same Access
 * application, as with a session. Another application on the same origin, which has not asked, never
 * receives it.
 */
import type { Abortable } from '../../abortable.ts';
import { applicationPart } from '../../cloudflare/application-domain.ts';
import type { SignedAnswer } from '../../cloudflare/signed-answer.ts';
import { isAccessError } from '../../errors.ts';
import { resourceKey } from '../../session/resource-key.ts';
import { resourceOf, type Target } from '../../sign-in/target.ts';
import type { TeamProofs } from '../../sign-in/team-proofs.ts';
import { attempt } from '../attempt.ts';
import type { GuardedAnswer } from '../exchange/guarded-request.ts';

export type FindServiceTokenScope = (
  answer: GuardedAnswer,
  known: {
    /** The signed answer that allowed sending it to this host, if one was needed. */
    readonly proof: SignedAnswer | undefined;
    /** Where a person could sign in, if that has been looked up. */
    readonly target: Target | undefined;
  },
  signal?: Abortable,
) => Promise<string | undefined>;

/**
 * The application's resource key; `undefined` when the URL is not part of the application that answered
 * for it. The signed answer is requested only if nothing known so far names the application.
 */
export function createFindServiceTokenScope(proofs: TeamProofs): FindServiceTokenScope {
  /** A failure only means that the token is sent to fewer URLs. */
  const proofFor = async (url: URL, signal: Abortable | undefined) => {
    const proof = await attempt(proofs.prove(url, signal), signal);
    return isAccessError(proof) ? undefined : proof;
  };
  return async ({ evidence: { url }, guard: { claims } }, { proof, target }, signal) => {
    // For a host that the person only vouches for, a session covers the whole host; the service token's
    // secret does not.
    const isNamed = target?.kind === 'oauth' || target?.transfer.proven === true;
    if (proof === undefined && target !== undefined && isNamed) return resourceOf(target);
    const domain =
      domainOf(proof) ?? claims.applicationDomain ?? domainOf(await proofFor(url, signal));
    const part = applicationPart(url, domain);
    return part && resourceKey(part.resource);
  };
}

function domainOf(proof: SignedAnswer | undefined): string | undefined {
  return proof?.verified ? proof.applicationDomain : undefined;
}
