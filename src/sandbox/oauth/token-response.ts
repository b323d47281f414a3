/** What the token endpoint answers, whatever the grant type (RFC 6749 §5.1, RFC 8707 §2.2). */
import { type Answer, json } from '../server/answer.ts';
import type { AuthorizationServer } from './authorization.ts';
import { oauthError } from './client-authentication.ts';
import type { IssuedTokens } from './grants.ts';
import type { Client } from './registration.ts';

export function tokenResponse(
  { organisation }: AuthorizationServer,
  client: Client,
  resource: string,
  tokens: IssuedTokens,
): Answer {
  return json(
    200,
    {
      access_token: tokens.accessToken,
      token_type: 'bearer',
      expires_in: organisation.settings.accessTokenSeconds,
      scope: '',
      resource: new URL(resource).href,
      // RFC 7591 §2: only to a client that registered for it.
      ...(client.grantTypes.includes('refresh_token')
        ? { refresh_token: tokens.refreshToken }
        : {}),
    },
    { 'cache-control': 'no-store', pragma: 'no-cache' },
  );
}

export function wrongResource(): Answer {
  return oauthError('invalid_target', 'resource is missing, or not that of the grant');
}

export function notAdmitted(): Answer {
  return oauthError('invalid_grant', 'The policies of the application no longer admit this person');
}
