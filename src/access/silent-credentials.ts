/**
 * Credentials for which nobody has to sign in: a session that another process has stored meanwhile,
 * cloudflared's token, and a session obtained by exchanging the team's org token.
 */
import type { Abortable } from '../abortable.ts';
import type { Credential } from '../secrets/credential.ts';
import {
  cloudflaredCredential,
  type ResourceCredential,
  sessionCredential,
} from '../session/resource-credential.ts';
import type { Sessions } from '../session/sessions.ts';
import type { TransferSignIns } from '../sign-in/browser-transfer.ts';
import { resourceOf, type Target } from '../sign-in/target.ts';

export interface SilentCredentials {
  /** A credential for `target` other than the refused one. */
  find(
    target: Target,
    refused: ResourceCredential | undefined,
    signal?: Abortable,
  ): Promise<ResourceCredential | undefined>;
  /** cloudflared's own token for the target, if it is usable. */
  cloudflared(target: Target): Promise<ResourceCredential | undefined>;
}

export function createSilentCredentials({
  sessions,
  transferSignIns,
}: {
  readonly sessions: Pick<Sessions, 'reread' | 'isFresh' | 'renew'>;
  readonly transferSignIns: Pick<TransferSignIns, 'borrow' | 'exchange'>;
}): SilentCredentials {
  const cloudflared: SilentCredentials['cloudflared'] = async (target) => {
    if (target.kind === 'oauth') return undefined;
    const token = await transferSignIns.borrow(target.transfer);
    return token && cloudflaredCredential(token);
  };

  return {
    cloudflared,
    async find(target, refused, signal) {
      const stored = await sessions.reread(resourceOf(target));
      if (stored && stored.accessToken !== refused?.session?.accessToken) {
        const usable = sessions.isFresh(stored) ? stored : await sessions.renew(stored, signal);
        if (usable) return sessionCredential(usable);
      }
      if (target.kind === 'oauth') return undefined;
      const found = await cloudflared(target);
      if (found && !isSameToken(found.credential, refused?.credential)) return found;
      const exchanged = await transferSignIns.exchange(target.transfer, signal);
      return exchanged && sessionCredential(exchanged);
    },
  };
}

function isSameToken(one: Credential, other: Credential | undefined): boolean {
  return (
    one.kind === 'cf_access_token' && other?.kind === 'cf_access_token' && one.jwt === other.jwt
  );
}
