/**
 * From a challenge to the authorization server that may answer it: resource metadata, trust, server
 * metadata. Nothing found here decides where a credential goes, but for the prefix of the URL's own
 * origin that the resource covers.
 */
import { type IssuerTrust, teamOfIssuer, trustsIssuer } from '../cloudflare/team.ts';
import { AccessError } from '../errors.ts';
import { fetchUntil, type ProtocolFetch } from '../http/protocol-fetch.ts';
import type { Log } from '../log.ts';
import { fetchResourceMetadata } from '../oauth/resource-metadata.ts';
import { fetchServerMetadata, namesItself, type ServerMetadata } from '../oauth/server-metadata.ts';
import { quoteServerText } from '../server-text.ts';
import type { Clock } from '../session/ports.ts';
import { resourceKey } from '../session/resource-key.ts';
import type { TokenHosts } from './token-hosts.ts';

export interface OAuthTarget {
  /** The key of the session to be. */
  readonly resource: string;
  /** Verbatim from the metadata (RFC 8707). */
  readonly resourceIndicator: string;
  readonly server: ServerMetadata;
  readonly scopesSupported?: readonly string[];
  readonly teamDomain?: string;
}

export interface Discovery {
  /**
   * `challengeUrl`: the challenge's `resource_metadata`, verbatim. `undefined` when the resource has
   * no metadata. Throws `invalid_resource_metadata`, `untrusted_authorization_server`, and what
   * `fetchServerMetadata` throws.
   */
  target(
    url: URL,
    challengeUrl: string | undefined,
    signal?: AbortSignal,
  ): Promise<OAuthTarget | undefined>;
  server(issuer: string, signal?: AbortSignal): Promise<ServerMetadata>;
}

/** A server's metadata is asked for again after this long. */
const keptForMs = 10 * 60_000;
/** Resources name their servers, and on loopback or at Access there is no end of names. */
const maxServers = 64;

const unnamedAnswers =
  'this listed authorization server does not say in its answers that they are its own (iss, RFC 9207): it could have a sign-in at another server brought to it, so it is trusted with sign-ins everywhere';

export function createDiscovery(parts: {
  readonly fetch: ProtocolFetch;
  readonly clock: Clock;
  readonly trust: IssuerTrust;
  readonly tokenHosts: TokenHosts;
  readonly log: Log;
}): Discovery {
  const { fetch, clock, trust, tokenHosts, log } = parts;
  /** The oldest first. */
  const servers = new Map<string, { metadata: ServerMetadata; at: number }>();
  /** Of the listed ones. */
  const warned = new Set<string>();

  const server: Discovery['server'] = async (issuer, signal) => {
    const kept = servers.get(issuer);
    const now = clock.now();
    if (kept && Math.abs(now - kept.at) < keptForMs) return kept.metadata;
    const url = new URL(issuer);
    const metadata = await fetchServerMetadata(url, fetchUntil(fetch, signal));
    const isListed = trust.authorizationServers.some(({ href }) => href === url.href);
    if (isListed && !namesItself(metadata) && !warned.has(url.href)) {
      warned.add(url.href);
      log('warn', unnamedAnswers, { issuer });
    }
    servers.delete(issuer);
    servers.set(issuer, { metadata, at: now });
    const [oldest] = servers.keys();
    if (servers.size > maxServers && oldest !== undefined) servers.delete(oldest);
    return metadata;
  };

  return {
    server,
    async target(url, challengeUrl, signal) {
      const metadata = await fetchResourceMetadata(url, challengeUrl, fetchUntil(fetch, signal));
      if (metadata === undefined) return undefined;
      const { authorizationServers, resource, scopesSupported, teamDomain } = metadata;
      const issuer = authorizationServers.find(
        (text) => URL.canParse(text) && trustsIssuer(new URL(text), url, trust),
      );
      if (issuer === undefined) throw untrusted(url, authorizationServers, trust);
      tokenHosts.expect(issuer, url.href);
      return {
        resource: resourceKey(resource),
        resourceIndicator: resource,
        server: await server(issuer, signal),
        ...(scopesSupported ? { scopesSupported } : {}),
        // Told only when it is the server that is trusted anyway: a claim of its own has no weight.
        ...(teamDomain !== undefined && teamDomain === teamOfIssuer(new URL(issuer))
          ? { teamDomain }
          : {}),
      };
    },
  };
}

function untrusted(url: URL, named: readonly string[], trust: IssuerTrust): AccessError {
  const [first] = named;
  if (first === undefined) {
    return new AccessError(
      'invalid_resource_metadata',
      `The resource metadata of ${url.host} names no authorization server.`,
      [
        { do: 'check', whether: 'the address is right' },
        { when: 'confirmed', do: 'ask_operator', host: url.host, to: 'fix its resource metadata' },
      ],
    );
  }
  const pinned = trust.team ? `, and only the team ${trust.team} is trusted` : '';
  return new AccessError(
    'untrusted_authorization_server',
    `${url.host} wants people to sign in at ${quoteServerText(first)}, which is not trusted${pinned}.`,
    [
      { do: 'avoid_sign_in', why: 'untrusted' },
      { do: 'check', whether: 'this authorization server is known and trusted' },
      {
        when: 'confirmed',
        do: 'set_variables',
        variables: [
          { name: 'CF_ACCESS_AUTHORIZATION_SERVERS', to: 'a list with its issuer' },
          ...(trust.team === undefined
            ? []
            : [{ name: 'CF_ACCESS_TEAM_DOMAIN', to: 'the team that is meant' }]),
        ],
      },
    ],
  );
}
