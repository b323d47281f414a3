/** The authorization server of a kept grant, as far as a refresh or a revocation needs it. */
import type { TokenServer } from '../oauth/token.ts';
import type { Grant } from './records.ts';

export function serverOf({ issuer, tokenEndpoint, revocationEndpoint }: Grant): TokenServer {
  return {
    issuer,
    token_endpoint: tokenEndpoint,
    ...(revocationEndpoint ? { revocation_endpoint: revocationEndpoint } : {}),
  };
}

/** What was checked when it was written is checked again: a refresh token is sent there. */
export function isOfIssuer({ issuer, tokenEndpoint, revocationEndpoint }: Grant): boolean {
  return [tokenEndpoint, revocationEndpoint ?? issuer].every(
    (text) =>
      URL.canParse(text) && URL.canParse(issuer) && new URL(text).origin === new URL(issuer).origin,
  );
}
