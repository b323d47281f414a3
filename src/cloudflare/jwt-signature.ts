/**
 * Verifies a JWT with RS256. Only what Access's tokens need: since there is no other algorithm here, no
 * token can choose one.
 */
import { type KeyObject, verify } from 'node:crypto';
import type { Jwt } from './jwt.ts';

/** The header's `kid`, if `isSignedBy` can verify such a header at all. */
export function rs256KeyId({ header }: Jwt): string | undefined {
  // RFC 7515 §4.1.11: an extension that is marked critical and not understood must be refused.
  if (header.alg !== 'RS256' || 'crit' in header) return undefined;
  return typeof header.kid === 'string' && header.kid !== '' ? header.kid : undefined;
}

/** Whether `key`, an RSA public key, signed it by RS256 (RFC 7518 §3.3). */
export function isSignedBy(jwt: Jwt, key: KeyObject): boolean {
  if (rs256KeyId(jwt) === undefined || key.asymmetricKeyType !== 'rsa') return false;
  return verify('RSA-SHA256', Buffer.from(jwt.signed, 'ascii'), key, jwt.signature);
}
