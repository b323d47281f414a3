/**
 * From a challenge to a trusted authorization server: resource metadata, trust check, server metadata. Of
 * all that is found here, only the path prefix (of the URL's own origin) that the resource covers affects
 * where a credential is sent.
 */
import type { Abortable } from '../abortable.ts';
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
  /** The key under which the session will be kept. */
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
    signal?: Abortable,
  ): Promise<OAuthTarget | undefined>;
  server(issuer: string, signal?: Abortable): Promise<ServerMetadata>;
}

/** Server metadata is fetched again after this long. */
const keptForMs = 10 * 60_000;
/**
 * Resources choose which servers they name, and trusted names (loopback ports, Access teams) are
 * unlimited.
 */
const maxServers = 64;

const unnamedAnswers =
  'this listed authorization server does not identify itself in its authorization responses (iss, RFC 9207), so it could obtain the code of a sign-in at another server (a mix-up attack); whoever lists it has it trusted with sign-ins everywhere';

export function createDiscovery(parts: {
  readonly fetch: ProtocolFetch;
  readonly clock: Clock;
  readonly trust: IssuerTrust;
  readonly tokenHosts: TokenHosts;
  readonly log: Log;
}): Discovery {
  const { fetch, clock, trust, tokenHosts, log } = parts;
  /** Oldest first. */
  const servers = new Map<string, { metadata: ServerMetadata; at: number }>();
  /** Listed servers that have been warned of. */
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
        // Passed on only when it matches the trusted server; on its own, the claim proves nothing.
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
