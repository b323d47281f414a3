/**
 * Which hosts may receive a token of a listed authorization server. A site chooses the server that its
 * metadata names, and a server that ignores `resource` issues a token that every other site of the server
 * accepts as well. So either the person has bound the site's host to the server, or the token response
 * must name the resource.
 */
import { type HostPattern, matchesHost } from '../cloudflare/host-pattern.ts';
import { type IssuerTrust, isAccessTeamHost, teamOfIssuer } from '../cloudflare/team.ts';
import { AccessError } from '../errors.ts';
import { isLoopback } from '../secure-url.ts';
import type { Clock } from '../session/ports.ts';

export interface TokenHosts {
  /** `confirmed`: the token response says that the token is for the resource. */
  admits(issuer: string, resource: string, confirmed: boolean): boolean;
  /** Throws `untrusted_authorization_server` when the host is not admitted, and remembers that. */
  require(issuer: string, resource: string, confirmed: boolean): void;
  /** Throws the same if `require` has thrown lately, so that nobody signs in for another such token. */
  expect(issuer: string, resource: string): void;
}

const rememberedForMs = 10 * 60_000;
const maxRemembered = 200;

export function createTokenHosts({
  trust,
  clock,
}: {
  readonly trust: IssuerTrust;
  readonly clock: Clock;
}): TokenHosts {
  /** By issuer and origin: when a token came whose response did not confirm the resource. */
  const unconfirmed = new Map<string, number>();

  const isBound = (issuer: URL, resource: URL): boolean => {
    const team = teamOfIssuer(issuer);
    // Access binds its tokens to the application. A team on loopback is the sandbox, for loopback
    // applications only.
    if (team !== undefined && (isAccessTeamHost(team) || isLoopback(resource))) return true;
    if (isLoopback(issuer) && isLoopback(resource)) return true;
    return boundTo(issuer, trust).some((host) => matchesHost(host, resource));
  };

  const admits: TokenHosts['admits'] = (issuer, resource, confirmed) =>
    confirmed || isBound(new URL(issuer), new URL(resource));

  const keyOf = (issuer: string, resource: string) => `${issuer} ${new URL(resource).origin}`;

  return {
    admits,
    require(issuer, resource, confirmed) {
      const key = keyOf(issuer, resource);
      unconfirmed.delete(key);
      if (admits(issuer, resource, confirmed)) return;
      const [oldest] = unconfirmed.keys();
      if (unconfirmed.size >= maxRemembered && oldest !== undefined) unconfirmed.delete(oldest);
      unconfirmed.set(key, clock.now());
      throw notBound(new URL(issuer), new URL(resource), trust);
    },
    expect(issuer, resource) {
      const at = unconfirmed.get(keyOf(issuer, resource));
      if (at === undefined || Math.abs(clock.now() - at) >= rememberedForMs) return;
      throw notBound(new URL(issuer), new URL(resource), trust);
    },
  };
}

function boundTo({ href }: URL, { boundHosts }: IssuerTrust): readonly HostPattern[] {
  return boundHosts?.get(href) ?? [];
}

/** The entry of CF_ACCESS_AUTHORIZATION_SERVERS that would bind `host` as well. */
export function entryBinding(issuer: URL, { host }: URL, trust: IssuerTrust): string {
  const bound = boundTo(issuer, trust).map(
    ({ wildcard, hostname, port }) =>
      `${wildcard ? '*.' : ''}${hostname}${port === '' ? '' : `:${port}`}`,
  );
  return `${issuer.href.replace(/^(https?:\/\/[^/]+)\/$/, '$1')}=${[...bound, host].join('+')}`;
}

function notBound(issuer: URL, resource: URL, trust: IssuerTrust): AccessError {
  return new AccessError(
    'untrusted_authorization_server',
    `${issuer.host} gives tokens that do not say whom they are for: ${resource.host} could use one at every other site that takes them. Nothing was kept or sent.`,
    [
      { do: 'check', whether: `${resource.host} may have the tokens of ${issuer.host}` },
      {
        when: 'confirmed',
        do: 'set_variables',
        variables: [
          {
            name: 'CF_ACCESS_AUTHORIZATION_SERVERS',
            entry: entryBinding(issuer, resource, trust),
            insteadOf: 'its entry for that server',
          },
        ],
      },
    ],
  );
}
