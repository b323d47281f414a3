/**
 * Where a request brings an `Authorization` of its own and Access's would travel in the same field
 * (Managed OAuth): the application's JWT from a browser transfer, in a field of its own beside it
 * (cloudflare-access.md §3.4).
 */
import type { Abortable } from '../../abortable.ts';
import type { Guard } from '../../cloudflare/protection.ts';
import { isAccessTeamHost, teamOfIssuer } from '../../cloudflare/team.ts';
import { type AccessError, isAccessError } from '../../errors.ts';
import { authorizationIsOurs } from '../../http/agent-headers.ts';
import type { Clock } from '../../session/ports.ts';
import { besideKey } from '../../session/resource-key.ts';
import { resourceOf, type Target } from '../../sign-in/target.ts';
import type { FindTransferTarget } from '../../sign-in/transfer-target.ts';
import { attempt } from '../attempt.ts';

export interface BesideAuthorization {
  /**
   * Where the JWT for `target`, which wants OAuth, is to be had. Throws `header_not_allowed` where it
   * is not, or where Access has refused one lately.
   */
  target(url: URL, guard: Guard, target: Target, signal?: Abortable): Promise<Target>;
  /** Access has refused one that somebody had signed in for just now: says so, also to later calls. */
  refused(url: URL, target: Target): AccessError;
}

const refusedForMs = 10 * 60_000;
const mostRefused = 1_000;

export function createBesideAuthorization({
  findTransferTarget,
  clock,
}: {
  readonly findTransferTarget: FindTransferTarget;
  readonly clock: Clock;
}): BesideAuthorization {
  /** By resource, and when: to ask the person again would open a tab for nothing. */
  const refused = new Map<string, number>();
  return {
    async target(url, guard, target, signal) {
      const at = refused.get(resourceOf(target));
      if (at !== undefined && Math.abs(clock.now() - at) < refusedForMs) {
        throw authorizationIsOurs(url, refuses);
      }
      if (!isAccess(guard, target)) throw authorizationIsOurs(url);
      const found = await attempt(findTransferTarget(url, guard, signal), signal);
      if (isAccessError(found)) throw authorizationIsOurs(url, found.message);
      return { kind: 'transfer', transfer: { ...found, resource: besideKey(found.resource) } };
    },
    refused(url, target) {
      if (refused.size >= mostRefused) refused.clear();
      refused.set(resourceOf(target), clock.now());
      return authorizationIsOurs(url, refuses);
    },
  };
}

const refuses =
  'Access was sent the application’s token in a field of its own instead (cf-access-token), and refuses it there.';

/** No other RFC 9728 resource has another field for its token. */
function isAccess(guard: Guard, target: Target): boolean {
  if (guard.protection === 'managed_oauth') return true;
  const issuer = target.kind === 'oauth' ? target.oauth.server.issuer : undefined;
  const team = issuer === undefined ? undefined : teamOfIssuer(new URL(issuer));
  return team !== undefined && isAccessTeamHost(team);
}
