/**
 * Which Access application a browser transfer for a URL would be for: proven by the host's signed answer,
 * or vouched for by the person.
 */
import type { Abortable } from '../abortable.ts';
import { applicationPart } from '../cloudflare/application-domain.ts';
import { type HostPattern, matchesHost } from '../cloudflare/host-pattern.ts';
import type { Guard, UnsignedClaims } from '../cloudflare/protection.ts';
import { noUsableSignIn, refusedUnasked } from '../cloudflare/refusal.ts';
import { isTrustedTeam } from '../cloudflare/team.ts';
import { AccessError } from '../errors.ts';
import { hidesDotSegment } from '../http/path-readings.ts';
import type { NextStep } from '../next-step.ts';
import { unclearPath } from '../oauth/resource-scope.ts';
import { quoteServerText } from '../server-text.ts';
import { resourceKey } from '../session/resource-key.ts';
import type { TeamProofs } from './team-proofs.ts';

/** An application that a person can sign in to by browser transfer. */
export interface TransferTarget {
  readonly url: URL;
  /** The key under which the session will be kept. */
  readonly resource: string;
  /** Where the person’s browser may be redirected afterwards. */
  readonly landing: URL;
  readonly audience: string;
  /** The application's domain, perhaps with a wildcard or a path. */
  readonly domain: string;
  readonly teamDomain?: string;
  /** True when the signed answer says so. */
  readonly proven: boolean;
  /** The host exists only with the query of `url`. */
  readonly needsQuery?: true;
  /** Nobody is asked to sign in where this machine's clock is so far ahead of the host's. */
  readonly clockAheadMs?: number;
}

/** Throws `access_denied` and `untrusted_authorization_server`, and what the network throws. */
export type FindTransferTarget = (
  url: URL,
  guard: Guard,
  signal?: Abortable,
) => Promise<TransferTarget>;

export function createFindTransferTarget({
  proofs,
  pinnedTeam,
  hosts,
}: {
  readonly proofs: TeamProofs;
  readonly pinnedTeam: string | undefined;
  /** Hosts that the person vouches for; they need no proof. */
  readonly hosts: readonly HostPattern[];
}): FindTransferTarget {
  return async (url, guard, signal) => {
    const { claims } = guard;
    const proof = await proofs.prove(url, signal);
    if (proof && !proof.verified) {
      throw new AccessError(
        'untrusted_authorization_server',
        `${url.host} claims to belong to a team of Cloudflare Access, but its signed answer is not valid: ${proof.why}.`,
        doubtful,
      );
    }
    if (pinnedTeam !== undefined && proof?.teamDomain !== pinnedTeam) {
      throw new AccessError(
        'untrusted_authorization_server',
        proof
          ? `${url.host} belongs to the team ${proof.teamDomain}, but only ${pinnedTeam} is trusted.`
          : `${url.host} gives no signed proof of its team, but only ${pinnedTeam} is trusted.`,
        [
          ...doubtful,
          {
            when: 'other_team',
            do: 'set_variables',
            variables: [
              proof
                ? { name: 'CF_ACCESS_TEAM_DOMAIN', value: proof.teamDomain }
                : { name: 'CF_ACCESS_TEAM_DOMAIN', to: 'its team domain' },
            ],
          },
        ],
      );
    }
    // It has not asked anybody to sign in: only the proof tells that there is something to sign in to.
    if (!proof && guard.protection === 'denied') throw refusedUnasked(guard, url);
    // Without proof, only the host itself says which application it is, and a host that names another
    // application would receive that one's token. cloudflared refuses here too.
    if (!proof && !hosts.some((host) => matchesHost(host, url))) {
      throw unproven(url, claims);
    }
    const audience = proof?.audience ?? claims.audience;
    if (audience === undefined) {
      throw noUsableSignIn(url, claims, 'its answer does not name the application’s audience tag');
    }
    const domain = proof?.applicationDomain ?? claims.applicationDomain ?? url.host;
    const part = applicationPart(url, domain);
    if (part === undefined) {
      throw hidesDotSegment(url) ? unclearPath(url) : elsewhere(url, domain);
    }
    const teamDomain =
      proof?.teamDomain ??
      (claims.teamDomain && isTrustedTeam(claims.teamDomain, pinnedTeam)
        ? claims.teamDomain
        : undefined);
    return {
      url,
      resource: resourceKey(part.resource),
      landing: part.landing,
      audience,
      domain,
      proven: proof !== undefined,
      ...(proof?.needsQuery ? { needsQuery: true } : {}),
      ...(proof?.clockAheadMs === undefined ? {} : { clockAheadMs: proof.clockAheadMs }),
      ...(teamDomain === undefined ? {} : { teamDomain }),
    };
  };
}

const doubtful: NextStep = [
  { do: 'avoid_sign_in', why: 'untrusted' },
  { do: 'check', whether: 'the address is right' },
];

function unproven({ host }: URL, { teamDomain }: UnsignedClaims): AccessError {
  const claim = teamDomain ? ` It claims to be of the team ${teamDomain}, as any host could.` : '';
  return new AccessError(
    'untrusted_authorization_server',
    `${host} gives no signed proof of which Access application it is, so a login there could be meant for another one.${claim}`,
    [
      ...doubtful,
      {
        when: 'vouched',
        do: 'set_variables',
        variables: [{ name: 'CF_ACCESS_HOSTS', entry: host }],
      },
    ],
  );
}

function elsewhere({ host }: URL, domain: string): AccessError {
  return new AccessError(
    'access_denied',
    `The Access application that answers for ${host} is the one of ${quoteServerText(domain)}, which does not include this URL.`,
    [{ do: 'correct_input', with: 'a URL of that application' }],
  );
}
