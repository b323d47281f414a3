/** Whom a person would sign in to, and what can be told of it without asking anybody. */
import type { Guard } from '../cloudflare/protection.ts';
import type { Challenge } from '../oauth/challenge.ts';
import type { Held } from '../session/held-credential.ts';
import type { OAuthTarget } from './discovery.ts';
import type { TransferTarget } from './transfer-target.ts';

export type Target =
  | { readonly kind: 'oauth'; readonly oauth: OAuthTarget; readonly scope: string | undefined }
  | { readonly kind: 'transfer'; readonly transfer: TransferTarget };

export function resourceOf(target: Target): string {
  return target.kind === 'oauth' ? target.oauth.resource : target.transfer.resource;
}

/** Whether what is held was obtained for the target's resource, from its authorization server. */
export function isFrom(held: Held, target: Target): boolean {
  if (resourceOf(target) !== held.resource) return false;
  const issuer = held.session?.grant?.issuer;
  return issuer === undefined || target.kind !== 'oauth' || target.oauth.server.issuer === issuer;
}

/** A Bearer challenge without metadata: a 401's, or a 403's that asks for more scope (RFC 6750 §3.1). */
export function isBareBearer(guard: Guard, challenges: readonly Challenge[]): boolean {
  if (guard.protection !== 'other') return false;
  return challenges.some(
    ({ scheme, parameters }) =>
      scheme === 'bearer' &&
      (guard.how === 'challenge' ||
        (guard.how === 'status' && parameters.get('error') === 'insufficient_scope')),
  );
}
