/**
 * Which service token may be sent to which host (contract §1 and §4). A service token opens every
 * application whose policies name it, so a host's own claims never decide: it is sent only to a host that
 * the person named, or that the signed answer proves to belong to the pinned team. Loopback is a host like
 * any other, since any user of the machine can listen there. The caller makes sure that the host has asked
 * for a credential at all.
 */

import { isSecure } from '../../secure-url.ts';
import { type HostPattern, matchesHost } from '../host-pattern.ts';

export interface ServiceToken {
  readonly clientId: string;
  readonly clientSecret: string;
  readonly hosts: readonly HostPattern[];
  /**
   * True for the token from the environment, which is also sent to the pinned team's hosts; entries of a
   * file are not.
   */
  readonly general: boolean;
}

/** What is known about the host's team. */
export interface TeamProof {
  readonly pinnedTeam?: string | undefined;
  /** From a freshly verified signed answer of this host. Never from an unsigned claim. */
  readonly provenTeam?: string | undefined;
}

export type ServiceTokenChoice =
  | {
      readonly state: 'ready';
      readonly token: ServiceToken;
      readonly because: 'host' | 'team';
    }
  | { readonly state: 'not_configured' }
  | { readonly state: 'host_not_allowed' };

/** The most specific token wins: an exact host, then the longest wildcard, then the general token. */
export function chooseServiceToken(
  url: URL,
  tokens: readonly ServiceToken[],
  proof: TeamProof = {},
): ServiceTokenChoice {
  if (tokens.length === 0) return { state: 'not_configured' };
  if (!isSecure(url) || url.username || url.password) return { state: 'host_not_allowed' };
  let best: { token: ServiceToken; rank: number } | undefined;
  for (const token of tokens) {
    for (const pattern of token.hosts) {
      const rank = matchesHost(pattern, url) ? narrowness(pattern) : 0;
      if (rank > (best?.rank ?? 0)) best = { token, rank };
    }
  }
  if (best) return { state: 'ready', token: best.token, because: 'host' };
  const token = tokens.find(({ general }) => general);
  if (!token) return { state: 'host_not_allowed' };
  if (proof.pinnedTeam !== undefined && proof.provenTeam === proof.pinnedTeam) {
    return { state: 'ready', token, because: 'team' };
  }
  return { state: 'host_not_allowed' };
}

function narrowness({ hostname, wildcard, port }: HostPattern): number {
  return (wildcard ? hostname.length : 1000) + (port === '' ? 0 : 0.5);
}
