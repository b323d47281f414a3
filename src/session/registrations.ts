/**
 * Our client at an authorization server: the one that the person configured, else a dynamic registration.
 * Access offers no way to delete a registration, so it is stored and reused.
 */
import { type IssuerTrust, teamOfIssuer } from '../cloudflare/team.ts';
import { AccessError } from '../errors.ts';
import type { ProtocolFetch } from '../http/protocol-fetch.ts';
import type { OAuthClient } from '../oauth/client.ts';
import { register } from '../oauth/registration.ts';
import type { ServerMetadata } from '../oauth/server-metadata.ts';
import type { Clock, Lock, RecordStore } from './ports.ts';
import type { Registration } from './records.ts';
import type { Choice } from './redirect-uris.ts';

export interface Registrations {
  /**
   * The client, and the one of `redirectUris` that it is registered with: the first that is already
   * stored, else the first that the server accepts. `anew`: ignore what is stored, because it may be why
   * sign-ins fail. Throws `registration_rejected`, `unsupported_authorization_server`, and what `register`
   * throws.
   */
  clientFor(
    server: ServerMetadata,
    request: { redirectUris: Choice; resourceIndicator: string; anew: boolean },
  ): Promise<{ client: OAuthClient; redirectUri: string }>;
  /** True when the person configured the client for `issuer`, so that registering anew is no remedy. */
  isConfigured(issuer: string): boolean;
}

export interface RegistrationsParts {
  readonly store: RecordStore;
  readonly lock: Lock;
  readonly clock: Clock;
  readonly fetch: ProtocolFetch;
  readonly configured: OAuthClient | undefined;
  /**
   * The servers and the team that the person named. If there are any, a configured client is used with
   * these only.
   */
  readonly trust: IssuerTrust;
}

export function registrationKey(issuer: string, redirectUri: string): string {
  return `${issuer} ${redirectUri}`;
}

/** Forgets a client that the server no longer knows, but no newer registration. */
export async function forgetRegistration(
  { store, lock }: { readonly store: RecordStore; readonly lock: Lock },
  { issuer, client }: Pick<Registration, 'issuer' | 'client'>,
): Promise<void> {
  await lock.hold(`registration ${issuer}`, async () => {
    for (const kept of await store.list('registration')) {
      if (kept.issuer === issuer && kept.client.clientId === client.clientId) {
        await store.remove('registration', registrationKey(issuer, kept.redirectUri));
      }
    }
  });
}

export function createRegistrations(parts: RegistrationsParts): Registrations {
  const { store, lock, clock, fetch, configured, trust } = parts;

  /**
   * A configured secret is sent only to servers that the person named: any other would only have to claim
   * to be an authorization server.
   */
  const configuredFor = (issuer: string): OAuthClient | undefined => {
    const url = new URL(issuer);
    const { authorizationServers: listed, team } = trust;
    const isNamed =
      listed.some((each) => each.href === url.href) ||
      (team !== undefined && teamOfIssuer(url) === team);
    const isAnyones =
      configured?.clientSecret === undefined && listed.length === 0 && team === undefined;
    return isNamed || isAnyones ? configured : undefined;
  };

  return {
    isConfigured: (issuer) => configuredFor(issuer) !== undefined,
    async clientFor(server, { redirectUris, resourceIndicator, anew }) {
      const [preferred] = redirectUris;
      const known = configuredFor(server.issuer);
      if (known) return { client: atServer(known, server), redirectUri: preferred };
      if (server.registration_endpoint === undefined) {
        throw configured === undefined
          ? noRegistration(server, preferred)
          : notItsClient(server, configured);
      }
      return lock.hold(`registration ${server.issuer}`, async () => {
        let refused: AccessError | undefined;
        for (const redirectUri of anew ? [] : redirectUris) {
          const kept = await store.read(
            'registration',
            registrationKey(server.issuer, redirectUri),
          );
          if (kept) return { client: kept.client, redirectUri };
        }
        const create = async (redirectUri: string) => {
          const request = {
            redirectUri,
            resource: resourceIndicator,
            deviceCode: server.device_authorization_endpoint !== undefined,
          };
          const client = await register(server, request, fetch);
          if ('refused' in client) return client;
          await store.write('registration', registrationKey(server.issuer, redirectUri), {
            format: 1,
            issuer: server.issuer,
            redirectUri,
            client: { ...client },
            registeredAt: clock.now(),
          });
          return { client, redirectUri };
        };
        // Registrations can never be deleted, so a second one is made only when the first name is refused.
        for (const redirectUri of redirectUris) {
          const created = await create(redirectUri);
          if (!('refused' in created)) return created;
          refused = created.refused;
        }
        throw refused;
      });
    },
  };
}

/**
 * A configured secret is sent by a method that the server supports: HTTP Basic unless it lists only
 * `client_secret_post` (RFC 8414).
 */
function atServer(client: OAuthClient, server: ServerMetadata): OAuthClient {
  const supported: unknown = server.token_endpoint_auth_methods_supported;
  const postOnly =
    Array.isArray(supported) &&
    supported.includes('client_secret_post') &&
    !supported.includes('client_secret_basic');
  return client.clientSecret && postOnly
    ? { ...client, tokenEndpointAuthMethod: 'client_secret_post' }
    : client;
}

function noRegistration(server: ServerMetadata, redirectUri: string): AccessError {
  const { host } = new URL(server.issuer);
  return new AccessError(
    'unsupported_authorization_server',
    `${host} does not offer dynamic client registration (RFC 7591).`,
    [{ do: 'register_client', host, redirectUri }],
  );
}

function notItsClient(
  { issuer }: ServerMetadata,
  { clientSecret }: Pick<OAuthClient, 'clientSecret'>,
): AccessError {
  const { host } = new URL(issuer);
  return new AccessError(
    'unsupported_authorization_server',
    `${host} does not offer dynamic client registration (RFC 7591), and the OAuth client that is configured${clientSecret === undefined ? '' : ', with its secret,'} is not meant for it.`,
    [
      {
        do: 'check',
        whether: `the client of CF_ACCESS_OAUTH_CLIENT_ID is registered at ${host}`,
      },
      {
        when: 'confirmed',
        do: 'set_variables',
        variables: [{ name: 'CF_ACCESS_AUTHORIZATION_SERVERS', entry: issuer }],
      },
      { when: 'otherwise', do: 'register_client', host },
    ],
  );
}
