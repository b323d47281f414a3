/** The metadata of a stored grant's authorization server that a refresh or a revocation needs. */
import type { TokenServer } from '../oauth/token.ts';
import type { Grant } from './records.ts';

export function serverOf({ issuer, tokenEndpoint, revocationEndpoint }: Grant): TokenServer {
  return {
    issuer,
    token_endpoint: tokenEndpoint,
    ...(revocationEndpoint ? { revocation_endpoint: revocationEndpoint } : {}),
  };
}

/**
 * Whether the endpoints are on the issuer's origin. Checked again after reading the record, because a
 * refresh token is sent there.
 */
export function isOfIssuer({ issuer, tokenEndpoint, revocationEndpoint }: Grant): boolean {
  return [tokenEndpoint, revocationEndpoint ?? issuer].every(
    (text) =>
      URL.canParse(text) && URL.canParse(issuer) && new URL(text).origin === new URL(issuer).origin,
  );
}
