/**
 * Which service token may go to which host (contract §1 and §4). The pair is a secret that opens
 * every application its policies name, so it goes to no host on that host's own word: only to
 * one that the person named, or that the signed answer proves to be the pinned team's. Loopback is
 * a host like any other: any user of the machine can listen there. Whether the host has asked for a
 * credential at all is the caller's to know.
 */

import { isSecure } from '../../secure-url.ts';
import { type HostPattern, matchesHost } from '../host-pattern.ts';

export interface ServiceToken {
  readonly clientId: string;
  readonly clientSecret: string;
  readonly hosts: readonly HostPattern[];
  /** The environment's pair: it also serves the pinned team. A file's entries do not. */
  readonly general: boolean;
}

/** What is known of the host beyond its name. */
export interface TeamProof {
  readonly pinnedTeam?: string | undefined;
  /** From a signed answer of this very host, verified just now. Never from an unsigned claim. */
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

/** The most narrowly named token wins: an exact host, then the longest wildcard, then the general pair. */
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
