/**
 * Dynamic client registration (RFC 7591). A registration is never deleted: the real service offers no way
 * to do so (RFC 7592 is not supported, although its URI is returned).
 */
import { randomBytes, randomUUID } from 'node:crypto';
import type { Settings } from '../options.ts';
import { type Answer, json } from '../server/answer.ts';
import type { Received } from '../server/received.ts';

export const authMethods = ['none', 'client_secret_basic', 'client_secret_post'] as const;

export interface Client {
  readonly clientId: string;
  readonly clientSecret: string | undefined;
  readonly name: string;
  readonly redirectUris: readonly string[];
  readonly tokenEndpointAuthMethod: (typeof authMethods)[number];
  readonly grantTypes: readonly string[];
  /** The `resource` of the registration; it only decides where a request without `resource` ends up. */
  readonly resource: string | undefined;
}

export type Clients = Map<string, Client>;

export function register(
  clients: Clients,
  settings: Settings,
  team: URL,
  request: Received,
): Answer {
  const metadata = readMetadata(request);
  if (metadata === undefined) return refused('The request body must be a JSON object');
  const uris = metadata.redirect_uris;
  if (!Array.isArray(uris) || uris.length === 0 || !uris.every((one) => typeof one === 'string')) {
    return refused('redirect_uris must be a non-empty array of strings');
  }
  for (const uri of uris) {
    const refusal = judgeRedirectUri(uri, settings);
    if (refusal !== undefined) return refusal;
  }
  const method = metadata.token_endpoint_auth_method ?? 'client_secret_basic';
  const authMethod = authMethods.find((one) => one === method);
  if (authMethod === undefined) return refused('token_endpoint_auth_method is not supported');
  const grantTypes = metadata.grant_types ?? ['authorization_code'];
  const responseTypes = metadata.response_types ?? ['code'];
  if (!Array.isArray(grantTypes) || !Array.isArray(responseTypes)) {
    return refused('grant_types and response_types must be arrays');
  }
  if (responseTypes.some((one) => one !== 'code'))
    return refused('response_types must be ["code"]');
  const client: Client = {
    clientId: randomUUID(),
    clientSecret: authMethod === 'none' ? undefined : randomBytes(32).toString('base64url'),
    name:
      typeof metadata.client_name === 'string' ? metadata.client_name : 'A client without a name',
    redirectUris: uris,
    tokenEndpointAuthMethod: authMethod,
    grantTypes: grantTypes.map(String),
    resource: typeof metadata.resource === 'string' ? metadata.resource : undefined,
  };
  clients.set(client.clientId, client);
  return json(
    201,
    {
      client_id: client.clientId,
      ...(client.clientSecret === undefined
        ? {}
        : { client_secret: client.clientSecret, client_secret_expires_at: 0 }),
      client_name: client.name,
      redirect_uris: uris,
      grant_types: grantTypes,
      response_types: responseTypes,
      token_endpoint_auth_method: authMethod,
      registration_client_uri: `${team.origin}/cdn-cgi/access/oauth/registration/${client.clientId}`,
      client_id_issued_at: Math.floor(Date.now() / 1000),
    },
    { 'cache-control': 'no-store' },
  );
}

function readMetadata(request: Received): Record<string, unknown> | undefined {
  if (!String(request.headers['content-type'] ?? '').startsWith('application/json'))
    return undefined;
  try {
    const value: unknown = JSON.parse(request.body.toString());
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
    return isObject ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

/** Any port and path on a loopback name that the account allows; the two refusals are as captured. */
function judgeRedirectUri(uri: string, settings: Settings): Answer | undefined {
  if (!URL.canParse(uri)) return refused();
  const url = new URL(uri);
  if (url.hash !== '' || url.username !== '' || url.password !== '') return refused();
  const notAllowed = refused('redirect_uri is not allowed by the account configuration');
  if (url.protocol !== 'http:') return notAllowed;
  if (url.hostname === 'localhost') return settings.allowLocalhostClients ? undefined : refused();
  if (url.hostname === '127.0.0.1' || url.hostname === '[::1]') {
    return settings.allowLoopbackClients ? undefined : notAllowed;
  }
  return notAllowed;
}

function refused(description?: string): Answer {
  return json(400, {
    error: 'invalid_client_metadata',
    ...(description === undefined ? {} : { error_description: description }),
  });
}
