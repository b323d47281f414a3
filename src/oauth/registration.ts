/** Dynamic client registration (RFC 7591) of a native application with a loopback redirection. */
import {
  dynamicClientRegistrationRequest,
  processDynamicClientRegistrationResponse,
} from 'oauth4webapi';
import { AccessError } from '../errors.ts';
import { type ProtocolFetch, tookOf } from '../http/protocol-fetch.ts';
import { quoteServerText } from '../server-text.ts';
import { type OAuthClient, requestOptions } from './client.ts';
import { clientInformation } from './documents/client-information.ts';
import { protocolFailure } from './failures.ts';
import { refusedFor } from './registration-refusal.ts';
import type { ServerMetadata } from './server-metadata.ts';

export interface RegistrationRequest {
  readonly redirectUri: string;
  /** The resource indicator: Access registers a client for one application. */
  readonly resource: string;
  readonly deviceCode?: boolean;
}

/** The server does not accept this redirection URI; it may accept another. */
export interface RedirectUriRefused {
  readonly refused: AccessError;
}

/**
 * Throws `registration_rejected`, `unsupported_authorization_server` (clients must authenticate in a
 * way that we cannot), `temporarily_unavailable`, and what `fetch` throws.
 */
export async function register(
  server: ServerMetadata,
  { redirectUri, resource, deviceCode = false }: RegistrationRequest,
  fetch: ProtocolFetch,
): Promise<OAuthClient | RedirectUriRefused> {
  const host = new URL(server.issuer).host;
  const metadata = {
    client_name: 'cloudflare-access-mcp',
    redirect_uris: [redirectUri],
    token_endpoint_auth_method: chooseAuthMethod(server),
    grant_types: [
      'authorization_code',
      'refresh_token',
      ...(deviceCode ? ['urn:ietf:params:oauth:grant-type:device_code'] : []),
    ],
    response_types: ['code'],
    application_type: 'native',
    resource,
    // No scope: the registration is reused, and a scope in it would limit every later request.
  };
  const answer = await dynamicClientRegistrationRequest(
    server,
    metadata,
    requestOptions(fetch, server.issuer),
  );
  if (answer.status >= 500 || answer.status === 429) {
    throw new AccessError(
      'temporarily_unavailable',
      `${host} answered ${answer.status} to the client registration.`,
      [{ do: 'sign_in', afterSeconds: 60 }],
    );
  }
  try {
    const information = await processDynamicClientRegistrationResponse(
      await clientInformation(answer, tookOf(fetch, new URL(server.issuer))),
    );
    return readClient(information, metadata.token_endpoint_auth_method, host);
  } catch (error) {
    const { what, nextStep, isRedirectUri } = refusedFor(error, host, redirectUri);
    const failure = protocolFailure(error, 'registration_rejected', `${host} ${what}`, [
      ...nextStep,
      { when: 'otherwise', do: 'register_client', host, redirectUri },
    ]);
    if (isRedirectUri) return { refused: failure };
    throw failure;
  }
}

type AuthMethod = OAuthClient['tokenEndpointAuthMethod'];

/** The supported methods, best first: public clients (RFC 8252 §8.5), else with a secret. */
const authMethods: readonly AuthMethod[] = ['none', 'client_secret_basic', 'client_secret_post'];

function chooseAuthMethod(server: ServerMetadata): AuthMethod {
  // RFC 8414 §2 makes client_secret_basic the default, but servers that list nothing accept `none`.
  const supported: unknown = server.token_endpoint_auth_methods_supported;
  if (!Array.isArray(supported) || supported.length === 0) return 'none';
  const method = authMethods.find((one) => supported.includes(one));
  if (method === undefined) throw unsupported(new URL(server.issuer).host, supported.join(', '));
  return method;
}

function unsupported(host: string, methods: string): AccessError {
  return new AccessError(
    'unsupported_authorization_server',
    `${host} wants clients to authenticate with ${quoteServerText(methods)}; this client can do ${authMethods.join(', ')}.`,
    [
      { do: 'ask_operator', host, to: `allow ${authMethods.join(' or ')}` },
      { when: 'otherwise', do: 'register_client', host, authMethods },
    ],
  );
}

/** RFC 6749 appendix A.1 and A.2, and a length that fits a URL. */
const visible = /^[\x20-\x7e]{1,2048}$/;

function readClient(
  information: {
    client_id: string;
    client_secret?: unknown;
    token_endpoint_auth_method?: unknown;
  },
  asked: AuthMethod,
  host: string,
): OAuthClient {
  const { client_id: clientId, client_secret: clientSecret } = information;
  // A client that has a secret has to use it (RFC 6749 §3.2.1). When the server names no method, RFC 7591 §2
  // means Basic, even if `none` was requested.
  const unnamed = clientSecret ? (asked === 'none' ? 'client_secret_basic' : asked) : 'none';
  const named = information.token_endpoint_auth_method ?? unnamed;
  const method = authMethods.find((one) => one === named);
  if (method === undefined) throw unsupported(host, String(named));
  const texts = [clientId, ...(typeof clientSecret === 'string' ? [clientSecret] : [])];
  if (!texts.every((text) => text === '' || visible.test(text))) {
    throw new AccessError(
      'registration_rejected',
      `${host} gave this client an identifier or a secret with characters that are not allowed in one.`,
      [
        { do: 'ask_operator', host, to: 'give out identifiers and secrets of visible ASCII' },
        { when: 'otherwise', do: 'register_client', host },
      ],
    );
  }
  if (method === 'none' || typeof clientSecret !== 'string' || clientSecret === '') {
    return { clientId, tokenEndpointAuthMethod: 'none' };
  }
  return { clientId, clientSecret, tokenEndpointAuthMethod: method };
}
