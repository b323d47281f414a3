/**
 * Service tokens (cloudflare-access.md §4): the two that the sandbox knows, and the verdict on those in a
 * request's header fields. The guard decides what follows from the verdict.
 */
import { randomBytes, randomInt } from 'node:crypto';

export interface ServiceToken {
  readonly clientId: string;
  readonly clientSecret: string;
}

export interface ServiceTokens {
  /** Valid, and allowed by every Service Auth policy. */
  readonly allowed: ServiceToken;
  /** Valid, and allowed by none. */
  readonly other: ServiceToken;
}

export type ServiceTokenVerdict =
  | { readonly is: 'none' | 'wrong' | 'not_allowed' }
  | { readonly is: 'allowed'; readonly clientId: string };

export function createServiceTokens(): ServiceTokens {
  return { allowed: newServiceToken(), other: newServiceToken() };
}

export function judgeServiceToken(
  tokens: ServiceTokens,
  headers: Readonly<Record<string, string | string[]>>,
): ServiceTokenVerdict {
  const id = headers['cf-access-client-id'];
  const secret = headers['cf-access-client-secret'];
  if (id === undefined && secret === undefined) return { is: 'none' };
  // A missing or repeated field matches no token.
  const matches = (token: ServiceToken) => token.clientId === id && token.clientSecret === secret;
  if (matches(tokens.allowed)) return { is: 'allowed', clientId: tokens.allowed.clientId };
  return { is: matches(tokens.other) ? 'not_allowed' : 'wrong' };
}

/** In the form of 2026-08-26 and later: `cfast_`, 40 alphanumerics, 8 of checksum. */
function newServiceToken(): ServiceToken {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
  const secret = Array.from({ length: 40 }, () => alphabet[randomInt(alphabet.length)]).join('');
  return {
    clientId: `${randomBytes(16).toString('hex')}.access`,
    clientSecret: `cfast_${secret}${randomBytes(4).toString('hex')}`,
  };
}
