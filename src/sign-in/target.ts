/** Where a person can sign in, and what is known about it without a request. */
import { clockIsWrong } from '../cloudflare/clock-skew.ts';
import type { Guard } from '../cloudflare/protection.ts';
import type { AccessError } from '../errors.ts';
import type { Challenge } from '../oauth/challenge.ts';
import type { ResourceCredential } from '../session/resource-credential.ts';
import type { OAuthTarget } from './discovery.ts';
import type { TransferTarget } from './transfer-target.ts';

export type Target =
  | { readonly kind: 'oauth'; readonly oauth: OAuthTarget; readonly scope: string | undefined }
  | { readonly kind: 'transfer'; readonly transfer: TransferTarget };

export function resourceOf(target: Target): string {
  return target.kind === 'oauth' ? target.oauth.resource : target.transfer.resource;
}

/** Why nobody can be asked to sign in at `target` now. What is already here can be used all the same. */
export function obstacleAt(target: Target | undefined): AccessError | undefined {
  if (target?.kind !== 'transfer') return undefined;
  const { url, clockAheadMs } = target.transfer;
  return clockAheadMs === undefined ? undefined : clockIsWrong(url, clockAheadMs);
}

/** Whether `credential` was obtained for the target's resource, from its authorization server. */
export function isFrom(credential: ResourceCredential, target: Target): boolean {
  if (resourceOf(target) !== credential.resource) return false;
  const issuer = credential.session?.grant?.issuer;
  return issuer === undefined || target.kind !== 'oauth' || target.oauth.server.issuer === issuer;
}

/**
 * A Bearer challenge that names no metadata: of a 401, or of a 403 that demands more scope (RFC 6750
 * §3.1).
 */
export function isBareBearer(guard: Guard, challenges: readonly Challenge[]): boolean {
  if (guard.protection !== 'other') return false;
  return challenges.some(
    ({ scheme, parameters }) =>
      scheme === 'bearer' &&
      (guard.how === 'challenge' ||
        (guard.how === 'status' && parameters.get('error') === 'insufficient_scope')),
  );
}
