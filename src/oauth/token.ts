/**
 * The token endpoint: code exchange and refresh (RFC 6749 §4.1.3, §6, with RFC 8707's resource on both).
 * Answers are checked before they are stored.
 */
import {
  authorizationCodeGrantRequest,
  processAuthorizationCodeResponse,
  processRefreshTokenResponse,
  refreshTokenGrantRequest,
  type TokenEndpointResponse,
} from 'oauth4webapi';
import { AccessError, isAccessError } from '../errors.ts';
import { type ProtocolFetch, tookOf } from '../http/protocol-fetch.ts';
import type { NextStep } from '../next-step.ts';
import { clientAuthentication, type OAuthClient, requestOptions } from './client.ts';
import { tokenResponse } from './documents/token-response.ts';
import {
  isPassing,
  isUnsupported,
  nextStepAfter,
  oauthErrorOf,
  protocolFailure,
} from './failures.ts';
import type { ServerMetadata } from './server-metadata.ts';
import { confirmsResource } from './token-audience.ts';

export interface Tokens {
  readonly accessToken: string;
  readonly refreshToken?: string;
  /** Seconds from now; absent when the server does not say. */
  readonly expiresIn?: number;
  readonly scope?: string;
  /** The answer says that the access token is for the requested resource. */
  readonly confirmed?: true;
}

/** The server no longer accepts this grant or this client. */
export interface GrantRefused {
  readonly refused: 'grant' | 'client';
}

/** What a later process needs to refresh and revoke without discovery. */
export type TokenServer = Pick<ServerMetadata, 'issuer' | 'token_endpoint' | 'revocation_endpoint'>;

/** How long an authorization server has for knowing this client again. */
export const clientDoubtedMs = 1_000;

const unavailableNext: NextStep = [{ do: 'retry', afterSeconds: 60 }];

/**
 * `response`: as `readAuthorizationResponse` returned it. Throws `sign_in_expired` when the code is refused,
 * `registration_rejected` when the client is, `token_rejected` for a token of another resource,
 * `unsupported_authorization_server` for an unusable answer, and `temporarily_unavailable` for trouble that
 * may pass. `pause`: where given, `invalid_client` is asked about once more after it, as by `refresh`.
 */
export async function redeemCode(
  server: ServerMetadata,
  client: OAuthClient,
  request: {
    response: URLSearchParams;
    redirectUri: string;
    codeVerifier: string;
    resource: string;
  },
  fetch: ProtocolFetch,
  pause?: () => Promise<void>,
): Promise<Tokens> {
  const { host } = new URL(server.issuer);
  const took = tookOf(fetch, new URL(server.issuer));
  const [known, authentication] = clientAuthentication(client);
  try {
    const answer = await authorizationCodeGrantRequest(
      server,
      known,
      authentication,
      request.response,
      request.redirectUri,
      request.codeVerifier,
      {
        ...requestOptions(fetch, server.issuer),
        additionalParameters: { resource: request.resource },
      },
    );
    return readTokens(
      await processAuthorizationCodeResponse(server, known, await tokenResponse(answer, took)),
      host,
      request.resource,
    );
  } catch (error) {
    const code = request.response.get('code') ?? undefined;
    const secrets = [code, request.codeVerifier, client.clientSecret];
    const oauthError = oauthErrorOf(error);
    if (oauthError === 'invalid_client' && pause) {
      await pause();
      const tokens = await redeemCode(server, client, request, fetch).catch((again: unknown) => {
        // The first answer has used up the code, and is the one that says why.
        if (!isAccessError(again, 'sign_in_expired')) throw again;
      });
      if (tokens) return tokens;
    }
    if (oauthError === 'invalid_client' || oauthError === 'unauthorized_client') {
      throw protocolFailure(
        error,
        'registration_rejected',
        `${host} does not know this client any more`,
        [{ do: 'sign_in', force: true }],
        secrets,
      );
    }
    throw protocolFailure(
      error,
      isPassing(error)
        ? 'temporarily_unavailable'
        : isUnsupported(error)
          ? 'unsupported_authorization_server'
          : 'sign_in_expired',
      `${host} did not give a token for the sign-in`,
      nextStepAfter(error, host, [{ do: 'sign_in' }]),
      secrets,
    );
  }
}

/**
 * Spends the refresh token. Passing trouble throws `temporarily_unavailable` (or what `fetch`
 * throws) and says nothing about the grant. `pause`: where given, `invalid_client` is asked about once
 * more after it. Access has been seen to say so in passing, and a registration too many stays for ever.
 */
export async function refresh(
  server: TokenServer,
  client: OAuthClient,
  request: { refreshToken: string; resource: string },
  fetch: ProtocolFetch,
  pause?: () => Promise<void>,
): Promise<Tokens | GrantRefused> {
  const { host } = new URL(server.issuer);
  const took = tookOf(fetch, new URL(server.issuer));
  const [known, authentication] = clientAuthentication(client);
  try {
    const answer = await refreshTokenGrantRequest(
      server,
      known,
      authentication,
      request.refreshToken,
      {
        ...requestOptions(fetch, server.issuer),
        additionalParameters: { resource: request.resource },
      },
    );
    return readTokens(
      await processRefreshTokenResponse(server, known, await tokenResponse(answer, took)),
      host,
      request.resource,
    );
  } catch (error) {
    if (!isPassing(error)) {
      const oauthError = oauthErrorOf(error);
      if (oauthError === 'invalid_client' && pause) {
        await pause();
        return refresh(server, client, request, fetch);
      }
      if (oauthError === 'invalid_client' || oauthError === 'unauthorized_client') {
        return { refused: 'client' };
      }
      if (oauthError !== undefined) return { refused: 'grant' };
    }
    throw protocolFailure(
      error,
      isUnsupported(error) ? 'unsupported_authorization_server' : 'temporarily_unavailable',
      `${host} could not refresh the access token`,
      nextStepAfter(error, host, unavailableNext),
      [request.refreshToken, client.clientSecret],
    );
  }
}

/** A token is sent in a header field: visible ASCII only, and of a size that servers accept. */
const sendable = /^[\x21-\x7e]{1,16384}$/;
/** Stored with the session, whose file is bounded too. */
const longestScope = 8192;
const longestLifetimeSeconds = 10 * 365 * 24 * 3600;

/** Throws `token_rejected` for a token that is for another origin than `resource`'s. */
export function readTokens(answer: TokenEndpointResponse, host: string, resource: string): Tokens {
  const { access_token, refresh_token, expires_in, scope, token_type } = answer;
  if (token_type !== 'bearer') {
    throw new AccessError(
      'unsupported_authorization_server',
      `${host} gave a token of another type than Bearer.`,
      [{ do: 'ask_operator', host, to: 'issue Bearer tokens to this client' }],
    );
  }
  if (!sendable.test(access_token) || (refresh_token && !sendable.test(refresh_token))) {
    throw new AccessError(
      'unsupported_authorization_server',
      `${host} gave a token that cannot be sent in a header field; it was discarded.`,
      [
        { do: 'do_not_retry' },
        { do: 'ask_operator', host, to: 'issue tokens of visible ASCII that fit a header field' },
      ],
    );
  }
  const confirmed = confirmsResource(answer, resource, host);
  return {
    accessToken: access_token,
    ...(confirmed ? { confirmed } : {}),
    ...(refresh_token ? { refreshToken: refresh_token } : {}),
    ...(expires_in === undefined
      ? {}
      : { expiresIn: Math.min(expires_in, longestLifetimeSeconds) }),
    ...(scope && scope.length <= longestScope ? { scope } : {}),
  };
}
