/**
 * Where a token of a listed authorization server may go. A site chooses the server that it names, and
 * a server that pays no heed to `resource` gives it a token that is good at every other site as well:
 * so the person has bound the site's host to the server, or the answer says whom its token is for.
 */
import { type HostPattern, matchesHost } from '../cloudflare/host-pattern.ts';
import { type IssuerTrust, isAccessTeamHost, teamOfIssuer } from '../cloudflare/team.ts';
import { AccessError } from '../errors.ts';
import { isLoopback } from '../secure-url.ts';
import type { Clock } from '../session/ports.ts';

export interface TokenHosts {
  /** `confirmed`: the answer said that its token is for the resource. */
  admits(issuer: string, resource: string, confirmed: boolean): boolean;
  /** Throws `untrusted_authorization_server` where the host is not admitted, and remembers that. */
  require(issuer: string, resource: string, confirmed: boolean): void;
  /** Throws the same where such an answer is known already, before anybody signs in for the next. */
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
  /** By issuer and origin: when a token came that does not say whom it is for. */
  const unconfirmed = new Map<string, number>();

  const isBound = (issuer: URL, resource: URL): boolean => {
    const team = teamOfIssuer(issuer);
    // Access binds its tokens to the application; on this machine there is nobody else's.
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

/** The entry of CF_ACCESS_AUTHORIZATION_SERVERS that binds `host` too. */
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
