/** Dynamic client registration (RFC 7591) of a native application with a loopback redirection. */
import {
  dynamicClientRegistrationRequest,
  processDynamicClientRegistrationResponse,
} from 'oauth4webapi';
import { AccessError } from '../errors.ts';
import type { ProtocolFetch } from '../http/protocol-fetch.ts';
import { type OAuthClient, requestOptions } from './client.ts';
import { protocolFailure } from './failures.ts';
import type { ServerMetadata } from './server-metadata.ts';

export interface RegistrationRequest {
  readonly redirectUri: string;
  /** The resource indicator: Access registers a client for one application. */
  readonly resource: string;
  readonly scope?: string | undefined;
  readonly deviceCode?: boolean;
}

/** Throws `registration_rejected`, `temporarily_unavailable`, and what `fetch` throws. */
export async function register(
  server: ServerMetadata,
  { redirectUri, resource, scope, deviceCode = false }: RegistrationRequest,
  fetch: ProtocolFetch,
): Promise<OAuthClient> {
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
    ...(scope === undefined ? {} : { scope }),
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
      'Call authenticate again in a minute.',
    );
  }
  try {
    const information = await processDynamicClientRegistrationResponse(created(answer));
    return readClient(information, metadata.token_endpoint_auth_method);
  } catch (error) {
    throw protocolFailure(
      error,
      'registration_rejected',
      `${host} refused to register this client with the redirection URI ${redirectUri}`,
      'At Access, an administrator allows it in the application’s Managed OAuth settings: “Allow localhost clients” for http://localhost, “Allow loopback clients” for http://127.0.0.1. A client registered beforehand can be set with CF_ACCESS_OAUTH_CLIENT_ID.',
    );
  }
}

/** RFC 7591 §3.2.1 wants 201; a 200 with the same body is taken, since servers differ. */
function created(answer: Response): Response {
  return answer.status === 200
    ? new Response(answer.body, { status: 201, headers: answer.headers })
    : answer;
}

/** A public client where the server has them (RFC 8252 §8.5), else with the secret it will give. */
function chooseAuthMethod(server: ServerMetadata): OAuthClient['tokenEndpointAuthMethod'] {
  // RFC 8414 §2: client_secret_basic is meant when nothing is listed, but those servers take `none`.
  const supported: unknown = server.token_endpoint_auth_methods_supported;
  if (!Array.isArray(supported) || supported.includes('none')) return 'none';
  return supported.includes('client_secret_basic') || !supported.includes('client_secret_post')
    ? 'client_secret_basic'
    : 'client_secret_post';
}

function readClient(
  information: {
    client_id: string;
    client_secret?: unknown;
    token_endpoint_auth_method?: unknown;
  },
  asked: OAuthClient['tokenEndpointAuthMethod'],
): OAuthClient {
  const { client_id: clientId, client_secret: clientSecret } = information;
  const method = information.token_endpoint_auth_method ?? (clientSecret ? asked : 'none');
  if (method === 'none' || typeof clientSecret !== 'string') {
    return { clientId, tokenEndpointAuthMethod: 'none' };
  }
  return {
    clientId,
    clientSecret,
    tokenEndpointAuthMethod: method === 'client_secret_post' ? method : 'client_secret_basic',
  };
}
