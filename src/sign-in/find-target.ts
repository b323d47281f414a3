/** Finds where a person can sign in to get past a guard, from its challenge and its metadata. */
import type { Abortable } from '../abortable.ts';
import { FirewallRefusal } from '../cloudflare/firewall.ts';
import type { Guard } from '../cloudflare/protection.ts';
import { noUsableSignIn } from '../cloudflare/refusal.ts';
import { isAccessError } from '../errors.ts';
import type { Challenge } from '../oauth/challenge.ts';
import { chooseScope } from '../oauth/scope.ts';
import type { Clock } from '../session/ports.ts';
import type { Discovery } from './discovery.ts';
import { isBareBearer, type Target } from './target.ts';
import type { FindTransferTarget } from './transfer-target.ts';

/**
 * `undefined` when `url` has no guard that we know how to sign in to. Throws `access_denied` where no
 * person can sign in, and what discovery throws.
 */
export type FindTarget = (
  url: URL,
  guard: Guard,
  challenges: readonly Challenge[],
  signal?: Abortable,
) => Promise<Target | undefined>;

const withoutMetadataMs = 10 * 60_000;
const maxWithoutMetadata = 1_000;

export function createFindTarget({
  clock,
  discovery,
  findTransferTarget,
}: {
  readonly clock: Clock;
  readonly discovery: Discovery;
  readonly findTransferTarget: FindTransferTarget;
}): FindTarget {
  /**
   * URLs (without their query) that had no resource metadata, and when that was seen. Looking again costs
   * two requests.
   */
  const withoutMetadata = new Map<string, number>();

  const oauthTarget = async (
    url: URL,
    metadataUrl: string | undefined,
    challenges: readonly Challenge[],
    signal: Abortable | undefined,
  ): Promise<Target | undefined> => {
    const oauth = await discovery.target(url, metadataUrl, signal);
    if (!oauth) return undefined;
    const { scopesSupported: ofResource, server } = oauth;
    const scope = chooseScope(challenges, { ofResource, ofServer: server.scopes_supported });
    return { kind: 'oauth', oauth, scope };
  };

  /** RFC 9728 §3.1: a resource may have metadata without naming it in its challenge. */
  const unnamedTarget = async (
    url: URL,
    challenges: readonly Challenge[],
    signal: Abortable | undefined,
  ): Promise<Target | undefined> => {
    // Without the query: the well-known address depends on the path alone.
    const key = url.origin + url.pathname;
    const known = withoutMetadata.get(key);
    if (known !== undefined && Math.abs(clock.now() - known) < withoutMetadataMs) return undefined;
    withoutMetadata.delete(key);
    const target = await oauthTarget(url, undefined, challenges, signal).catch((error: unknown) => {
      // The challenge did not promise any metadata, so the application's own answer is more useful than
      // this failure.
      const isPassing = isAccessError(error, 'temporarily_unavailable');
      if (isPassing || error instanceof FirewallRefusal) return 'unknown' as const;
      throw error;
    });
    if (target === 'unknown') return undefined;
    if (target === undefined) {
      if (withoutMetadata.size >= maxWithoutMetadata) withoutMetadata.clear();
      withoutMetadata.set(key, clock.now());
    }
    return target;
  };

  return async (url, guard, challenges, signal) => {
    switch (guard.protection) {
      case 'managed_oauth':
      case 'oauth':
        return oauthTarget(url, guard.resourceMetadata, challenges, signal);
      case 'browser_login':
      case 'denied': {
        const transfer = await findTransferTarget(url, guard, signal);
        return { kind: 'transfer', transfer };
      }
      case 'other':
        return isBareBearer(guard, challenges) ? unnamedTarget(url, challenges, signal) : undefined;
      case 'service_auth':
        throw noUsableSignIn(url, guard.claims, 'only service tokens are let in');
      case 'none':
        return undefined;
    }
  };
}
