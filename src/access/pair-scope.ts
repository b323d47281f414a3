/**
 * How far the service token goes once a URL has asked for it: as far as a session would, to the
 * application's part of the origin. A sibling application there, which never asked, is not sent it.
 */
import { applicationPart } from '../cloudflare/application-domain.ts';
import type { SignedAnswer } from '../cloudflare/signed-answer.ts';
import { isAccessError } from '../errors.ts';
import { resourceKey } from '../session/resource-key.ts';
import { resourceOf, type Target } from '../sign-in/target.ts';
import type { TeamProofs } from '../sign-in/team-proofs.ts';
import type { Asked } from './guarded-request.ts';

export type FindPairScope = (
  asked: Asked,
  known: {
    /** The signed answer that let the pair go there at all. */
    readonly proof: SignedAnswer | undefined;
    /** Whom a person would sign in to, where that was found out. */
    readonly target: Target | undefined;
  },
  signal?: AbortSignal,
) => Promise<string | undefined>;

/**
 * The key of that part; `undefined` where the URL lies in no part. It asks for the signed answer only
 * where nothing that is known yet names the application.
 */
export function createFindPairScope(proofs: TeamProofs): FindPairScope {
  return async ({ evidence: { url }, guard: { claims } }, { proof, target }, signal) => {
    // Of a host that proves nothing, a person’s session may be for all of it: the person has named it.
    const told = target?.kind === 'oauth' || target?.transfer.proven === true;
    if (proof === undefined && target !== undefined && told) return resourceOf(target);
    const domain =
      domainOf(proof) ?? claims.applicationDomain ?? domainOf(await askedFor(proofs, url, signal));
    const part = applicationPart(url, domain);
    return part && resourceKey(part.resource);
  };
}

function domainOf(proof: SignedAnswer | undefined): string | undefined {
  return proof?.verified ? proof.applicationDomain : undefined;
}

/** Without it the pair goes less far, and that is all. */
async function askedFor(
  proofs: TeamProofs,
  url: URL,
  signal: AbortSignal | undefined,
): Promise<SignedAnswer | undefined> {
  try {
    return await proofs.prove(url, signal);
  } catch (error) {
    if (!isAccessError(error) || error.code === 'cancelled' || signal?.aborted) throw error;
    return undefined;
  }
}
