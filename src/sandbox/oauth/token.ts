/**
 * The token endpoint (RFC 6749 §4.1.3 and §6, 7636 §4.6, 8707 §2.2) and revocation (RFC 7009). Refresh
 * tokens rotate, and reusing one ends its grant. Policies are checked again at each refresh.
 */
import { createHash } from 'node:crypto';
import type { Answer } from '../server/answer.ts';
import type { Received } from '../server/received.ts';
import type { AuthorizationServer } from './authorization.ts';
import { authenticateClient, oauthError, readForm } from './client-authentication.ts';
import { type DeviceRequests, redeemDeviceCode } from './device.ts';
import { deviceGrantType } from './metadata.ts';
import type { Client } from './registration.ts';
import { notAdmitted, tokenResponse, wrongResource } from './token-response.ts';

export function token(
  server: AuthorizationServer,
  devices: DeviceRequests,
  request: Received,
): Answer {
  const form = readForm(request);
  if ('status' in form) return form;
  const client = authenticateClient(server.clients, request, form);
  if ('status' in client) return client;
  const { announceDeviceFlow } = server.organisation.settings;
  const grants: Record<string, () => Answer> = {
    authorization_code: () => redeemCode(server, client, form),
    refresh_token: () => refresh(server, client, form),
    ...(announceDeviceFlow
      ? { [deviceGrantType]: () => redeemDeviceCode(server, devices, client, form) }
      : {}),
  };
  const grantType = form.get('grant_type') ?? '';
  if (!Object.hasOwn(grants, grantType)) {
    return oauthError('unsupported_grant_type', 'This grant_type is not supported');
  }
  if (!client.grantTypes.includes(grantType)) {
    return oauthError('unauthorized_client', 'The client is not registered for this grant_type');
  }
  return (grants[grantType] as () => Answer)();
}

function redeemCode(server: AuthorizationServer, client: Client, form: URLSearchParams): Answer {
  const { grants, organisation } = server;
  const code = grants.code(form.get('code') ?? '');
  if (code === undefined || code.clientId !== client.clientId) {
    return oauthError('invalid_grant', 'The authorization code is not valid');
  }
  if (code.grant !== undefined) {
    code.grant.ended = true; // §4.1.2: a second use revokes the tokens of the first
    const error = oauthError('invalid_grant', 'The authorization code has been used');
    return { ...error, note: 'code_reuse' };
  }
  if (code.expiresAt <= Date.now()) {
    return oauthError('invalid_grant', 'The authorization code has expired');
  }
  const redirectUri = form.get('redirect_uri') ?? '';
  if (redirectUri !== code.redirectUri) {
    return client.redirectUris.includes(redirectUri)
      ? oauthError('invalid_grant', 'redirect_uri is not that of the authorization request')
      : oauthError('invalid_request', 'Redirect URI not allowed by application configuration');
  }
  const verifier = form.get('code_verifier') ?? '';
  const challenge = createHash('sha256').update(verifier).digest('base64url');
  if (!/^[A-Za-z0-9._~-]{43,128}$/.test(verifier) || challenge !== code.codeChallenge) {
    return oauthError('invalid_grant', 'The code_verifier does not match the code_challenge');
  }
  if (!sameResource(form.get('resource'), code.resource)) return wrongResource();
  if (!organisation.admits(code.person)) return notAdmitted();
  const { grant, tokens } = grants.begin(code);
  code.grant = grant;
  return tokenResponse(server, client, code.resource, tokens);
}

function refresh(server: AuthorizationServer, client: Client, form: URLSearchParams): Answer {
  const { grants, organisation } = server;
  const name = form.get('refresh_token') ?? '';
  const known = grants.refreshToken(name);
  if (known === undefined || known.grant.clientId !== client.clientId) {
    return oauthError('invalid_grant', 'The refresh token is not valid');
  }
  const { grant } = known;
  if (known.spent) {
    grant.ended = true;
    const error = oauthError(
      'invalid_grant',
      'The refresh token has been used; its grant has ended',
    );
    return { ...error, note: 'refresh_token_reuse' };
  }
  if (grant.ended || grant.endsAt <= Date.now()) {
    return oauthError('invalid_grant', 'The grant has ended');
  }
  if (!sameResource(form.get('resource'), grant.resource)) return wrongResource();
  if (!organisation.admits(grant.person)) return notAdmitted();
  return tokenResponse(server, client, grant.resource, grants.rotate(name, grant));
}

/** RFC 7009 §2.2: the answer reveals nothing about the token. */
export function revoke(server: AuthorizationServer, request: Received): Answer {
  const form = readForm(request);
  if ('status' in form) return form;
  const client = authenticateClient(server.clients, request, form);
  if ('status' in client) return client;
  const name = form.get('token');
  if (name === null) return oauthError('invalid_request', 'The token parameter is missing');
  server.grants.revoke(name, client.clientId);
  return { status: 200, headers: { 'cache-control': 'no-store' }, body: '' };
}

/** Equal, except for the slash of an empty path. */
function sameResource(given: string | null, expected: string): boolean {
  if (given === null || !URL.canParse(given)) return false;
  return new URL(given).href === new URL(expected).href;
}
