/**
 * The authorization request and response: RFC 6749 §4.1.1–4.1.2 with PKCE (7636), a resource
 * indicator (8707) and the issuer check (9207).
 */
import {
  AuthorizationResponseError,
  calculatePKCECodeChallenge,
  generateRandomCodeVerifier,
  validateAuthResponse,
} from 'oauth4webapi';
import { AccessError } from '../errors.ts';
import type { NextStep } from '../next-step.ts';
import { cleanServerText, quoteServerText } from '../server-text.ts';
import { clientAuthentication, type OAuthClient } from './client.ts';
import { protocolFailure } from './failures.ts';
import { namesRedirectUri, RedirectUriNotAllowed } from './redirect-uri-refusal.ts';
import type { ServerMetadata } from './server-metadata.ts';

export interface CodeVerifier {
  readonly verifier: string;
  /** S256. */
  readonly challenge: string;
}

/** Access refuses challenges that begin with `-` or `_`; one in 32 does, so another is drawn. */
export async function drawCodeVerifier(): Promise<CodeVerifier> {
  for (;;) {
    const verifier = generateRandomCodeVerifier();
    const challenge = await calculatePKCECodeChallenge(verifier);
    if (/^[A-Za-z0-9]/.test(challenge)) return { verifier, challenge };
  }
}

export interface AuthorizationRequest {
  readonly clientId: string;
  readonly redirectUri: string;
  readonly codeChallenge: string;
  readonly state: string;
  readonly resource: string;
  readonly scope?: string | undefined;
}

/** Throws `unsupported_authorization_server` when the server has no authorization endpoint. */
export function authorizationUrl(server: ServerMetadata, request: AuthorizationRequest): URL {
  const { authorization_endpoint, device_authorization_endpoint, issuer } = server;
  if (authorization_endpoint === undefined) {
    const { host } = new URL(issuer);
    throw new AccessError(
      'unsupported_authorization_server',
      `${host} has no authorization endpoint: nobody can sign in there with a browser.`,
      device_authorization_endpoint === undefined
        ? [{ do: 'ask_operator', host, to: 'offer an authorization endpoint' }]
        : [{ do: 'sign_in', method: 'device' }],
    );
  }
  const url = new URL(authorization_endpoint);
  url.hash = '';
  const parameters = {
    client_id: request.clientId,
    redirect_uri: request.redirectUri,
    response_type: 'code',
    code_challenge: request.codeChallenge,
    code_challenge_method: 'S256',
    state: request.state,
    resource: request.resource,
    scope: request.scope,
    // OpenID Connect Core §11: a refresh token for offline access is given only after consent.
    prompt: request.scope?.split(' ').includes('offline_access') ? 'consent' : undefined,
  };
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== undefined) url.searchParams.set(name, value);
  }
  return url;
}

/**
 * Checks an authorization response in the order iss, state, error, code. The caller has already matched
 * `state`. Throws `sign_in_declined` when the person or a policy said no, `RedirectUriNotAllowed` when the
 * application does not allow that redirection URI, `temporarily_unavailable` when the server could not
 * finish, `invalid_server_metadata` on a wrong `iss`.
 */
export function readAuthorizationResponse(
  server: ServerMetadata,
  client: OAuthClient,
  response: URLSearchParams,
  { state, redirectUri }: { readonly state: string; readonly redirectUri: string },
): URLSearchParams {
  const host = new URL(server.issuer).host;
  try {
    const checked = validateAuthResponse(server, clientAuthentication(client)[0], response, state);
    const codes = checked.getAll('code');
    if (codes.length !== 1 || codes[0] === '') {
      throw new AccessError(
        'sign_in_declined',
        `The answer of ${host} to the sign-in holds no code, or more than one.`,
        [{ do: 'sign_in', force: true }],
      );
    }
    return checked;
  } catch (error) {
    if (error instanceof AuthorizationResponseError) throw errorResponse(error, host, redirectUri);
    throw protocolFailure(
      error,
      'invalid_server_metadata',
      `The authorization response did not come from ${host}, so its code was sent nowhere`,
      [
        { do: 'sign_in', force: true },
        {
          when: 'again',
          do: 'check',
          whether:
            'somebody interferes with the sign-in, such as a proxy or an extension of the browser',
        },
      ],
    );
  }
}

/** RFC 6749 §4.1.2.1. */
function errorResponse(
  error: AuthorizationResponseError,
  host: string,
  redirectUri: string,
): AccessError {
  const words = `${quoteServerText(error.error)}${
    error.error_description ? `, ${quoteServerText(error.error_description)}` : ''
  }`;
  switch (cleanServerText(error.error)) {
    case 'access_denied':
      return new AccessError(
        'sign_in_declined',
        `The sign-in at ${host} was declined, or refused by a policy: ${words}.`,
        [
          {
            when: 'not_declined',
            do: 'ask_operator',
            host,
            to: 'allow the account in the application’s policies',
          },
          { do: 'avoid_sign_in', why: 'unasked' },
        ],
      );
    case 'temporarily_unavailable':
    case 'server_error':
      return new AccessError(
        'temporarily_unavailable',
        `${host} could not finish the sign-in: ${words}.`,
        [{ do: 'sign_in', afterSeconds: 60 }],
      );
    case 'invalid_request':
      if (namesRedirectUri(error.error_description)) {
        return new RedirectUriNotAllowed(host, redirectUri, words);
      }
      return refused(host, words);
    case 'unauthorized_client':
      return new AccessError(
        'registration_rejected',
        `${host} does not let this client sign people in: ${words}.`,
        againOrOperator(host),
      );
    default:
      return refused(host, words);
  }
}

function refused(host: string, words: string): AccessError {
  return new AccessError(
    'sign_in_declined',
    `${host} refused the sign-in: ${words}.`,
    againOrOperator(host),
  );
}

function againOrOperator(host: string): NextStep {
  return [
    { do: 'sign_in' },
    { when: 'again', do: 'ask_operator', host, to: 'look into the words above' },
  ];
}
