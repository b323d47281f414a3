/**
 * Signing in to an application without Managed OAuth: what cloudflared keeps for it, the team's org
 * token exchanged, or a browser transfer.
 */

import type { AccessToken } from '../cloudflare/application-token.ts';
import { planBrowserTransfer, receiveTransfer } from '../cloudflare/browser-transfer.ts';
import { readCloudflaredOrgToken, readCloudflaredToken } from '../cloudflare/cloudflared-files.ts';
import { type HostPattern, matchesHost } from '../cloudflare/host-pattern.ts';
import { exchangeOrgToken } from '../cloudflare/org-token.ts';
import type { UnsignedClaims } from '../cloudflare/protection.ts';
import { noUsableSignIn } from '../cloudflare/refusal.ts';
import { isTrustedTeam } from '../cloudflare/team.ts';
import { AccessError } from '../errors.ts';
import type { ProtocolFetch } from '../http/protocol-fetch.ts';
import type { Log } from '../log.ts';
import { coversUrl } from '../oauth/resource-metadata.ts';
import { isLoopback } from '../secure-url.ts';
import type { LocalSignIns } from './local-sign-in.ts';
import type { Clock, RecordStore } from './ports.ts';
import type { Session } from './records.ts';
import { resourceKey } from './resource-key.ts';
import type { Sessions } from './sessions.ts';
import type { SignIn } from './sign-in.ts';
import type { TeamProofs } from './team-proofs.ts';

/** An application that a browser transfer can be asked of. */
export interface TransferTarget {
  readonly url: URL;
  /** The key of the session to be. */
  readonly resource: string;
  readonly audience: string;
  /** The application's domain, perhaps with a wildcard or a path. */
  readonly domain: string;
  readonly teamDomain?: string;
  /** True when the signed answer says so. */
  readonly proven: boolean;
}

/** A token that is kept elsewhere and only read by us. */
export interface BorrowedToken {
  readonly resource: string;
  readonly jwt: string;
  readonly expiresAt: number;
}

export interface TransferSignIns {
  /** Throws `access_denied` and `untrusted_authorization_server`, and what the network throws. */
  target(url: URL, claims: UnsignedClaims, signal?: AbortSignal): Promise<TransferTarget>;
  /** cloudflared's own token for the application, if it is usable. */
  borrow(target: TransferTarget): Promise<BorrowedToken | undefined>;
  /** A session by the team's org token, without the person. */
  exchange(target: TransferTarget, signal?: AbortSignal): Promise<Session | undefined>;
  begin(target: TransferTarget, options: { force: boolean }): Promise<SignIn>;
}

export function createTransferSignIns(parts: {
  readonly store: RecordStore;
  readonly clock: Clock;
  readonly fetch: ProtocolFetch;
  readonly log: Log;
  readonly sessions: Sessions;
  readonly proofs: TeamProofs;
  readonly localSignIns: LocalSignIns;
  readonly pinnedTeam: string | undefined;
  /** Hosts that the person vouches for: they may do without the proof. */
  readonly hosts: readonly HostPattern[];
  readonly transferUrl: URL;
  readonly cloudflaredDir: string;
}): TransferSignIns {
  const { store, clock, fetch, log, sessions, proofs, localSignIns, pinnedTeam } = parts;

  const sessionOf = (
    target: TransferTarget,
    token: { jwt: string; expiresAt: number; teamDomain: string },
  ): Session => ({
    format: 1,
    resource: target.resource,
    method: 'browser_transfer',
    accessToken: token.jwt,
    obtainedAt: clock.now(),
    expiresAt: token.expiresAt,
    teamDomain: token.teamDomain,
    audience: target.audience,
  });

  const keptOrgToken = async (teamDomain: string): Promise<AccessToken | undefined> => {
    const kept = await store.read('org', teamDomain);
    return kept && kept.expiresAt > clock.now() ? kept : undefined;
  };

  const cloudflared = () => ({
    folder: parts.cloudflaredDir,
    now: clock.now(),
    userId: process.getuid?.(),
  });

  const borrowedOrgToken = async (target: TransferTarget): Promise<AccessToken | undefined> => {
    if (!target.proven || target.teamDomain === undefined) return undefined;
    const found = await readCloudflaredOrgToken(target.teamDomain, target.url, cloudflared());
    return found && 'token' in found ? found.token : undefined;
  };

  /** Without the team's keys it is not kept; the application's token is no worse for that. */
  const isOrgToken = async ({ jwt, teamDomain }: AccessToken, url: URL): Promise<boolean> => {
    try {
      return await proofs.isOrgToken(jwt, teamDomain, url);
    } catch (error) {
      log('warn', 'the org token could not be verified', {
        teamDomain,
        code: error instanceof AccessError ? error.code : 'internal_error',
      });
      return false;
    }
  };

  return {
    async target(url, claims, signal) {
      const proof = await proofs.prove(url, signal);
      if (proof && !proof.verified) {
        throw new AccessError(
          'untrusted_authorization_server',
          `${url.host} claims to be of a team of Cloudflare Access, but its signed answer does not hold: ${proof.why}.`,
          'Do not sign in there. Ask the person whether the address is right.',
        );
      }
      if (pinnedTeam !== undefined && proof?.teamDomain !== pinnedTeam) {
        throw new AccessError(
          'untrusted_authorization_server',
          proof
            ? `${url.host} is of the team ${proof.teamDomain}, and only ${pinnedTeam} is trusted.`
            : `${url.host} gives no signed proof of its team, and only ${pinnedTeam} is trusted.`,
          'Do not sign in there. Ask the person whether the address is right; if another team is meant, they change CF_ACCESS_TEAM_DOMAIN and restart this server.',
        );
      }
      // Without proof the application's name is only the host's word, and a host that names another
      // application would be brought that one's token: cloudflared refuses here as well.
      if (!proof && !isLoopback(url) && !parts.hosts.some((host) => matchesHost(host, url))) {
        throw unproven(url, claims);
      }
      const audience = proof?.audience ?? claims.audience;
      if (audience === undefined) {
        throw noUsableSignIn(
          url,
          claims,
          'its answer does not name the application’s audience tag',
        );
      }
      const domain = proof?.applicationDomain ?? claims.applicationDomain ?? url.host;
      const teamDomain =
        proof?.teamDomain ??
        (claims.teamDomain && isTrustedTeam(claims.teamDomain, pinnedTeam)
          ? claims.teamDomain
          : undefined);
      return {
        url,
        resource: resourceOf(url, domain),
        audience,
        domain,
        proven: proof !== undefined,
        ...(teamDomain === undefined ? {} : { teamDomain }),
      };
    },

    async borrow({ url, resource, domain, audience, proven, teamDomain }) {
      const found = await readCloudflaredToken(
        { url, domain, audience, proven, teamDomain },
        cloudflared(),
      );
      if (found === undefined) return undefined;
      if ('ignored' in found) {
        log('info', 'cloudflared’s token is left alone', { host: url.host, why: found.ignored });
        return undefined;
      }
      return { resource, jwt: found.token.jwt, expiresAt: found.token.expiresAt };
    },

    async exchange(target, signal) {
      const { url, teamDomain, audience } = target;
      if (teamDomain === undefined) return undefined;
      for (const organisation of [await keptOrgToken(teamDomain), await borrowedOrgToken(target)]) {
        if (organisation === undefined) continue;
        const options = { fetch, now: () => clock.now(), audience, signal };
        const token = await exchangeOrgToken(url, organisation, options);
        if (token === undefined) continue;
        const session = sessionOf(target, token);
        await sessions.save(session);
        return session;
      }
      return undefined;
    },

    begin: (target, { force }) =>
      localSignIns.begin({
        resource: target.resource,
        method: 'browser_transfer',
        at: target.teamDomain ?? target.url.host,
        force,
        plan: async () => {
          // Not the whole URL, which an agent chose: the person's browser is sent there afterwards.
          const transfer = planBrowserTransfer(new URL(target.resource), target.audience);
          return {
            authorizationUrl: transfer.url.href,
            run: async (signal) => {
              const { application, organisation } = await receiveTransfer(transfer, {
                fetch,
                clock,
                service: parts.transferUrl,
                teamDomain: target.teamDomain,
                signal,
              });
              if (!target.proven && isLoopback(target.url) && !isLocalTeam(application)) {
                throw foreignToken(target.url, application.teamDomain);
              }
              // Whoever runs the application knows the transfer's public key, and could deliver an org
              // token of a team of their own: only the team that the host is proven to be of counts.
              const isTheirs =
                organisation !== undefined &&
                target.proven &&
                organisation.teamDomain === target.teamDomain &&
                (await isOrgToken(organisation, target.url));
              if (isTheirs) {
                await store.write('org', organisation.teamDomain, {
                  format: 1,
                  teamDomain: organisation.teamDomain,
                  jwt: organisation.jwt,
                  expiresAt: organisation.expiresAt,
                });
              }
              return sessionOf(target, application);
            },
          };
        },
      }),
  };
}

function unproven({ host }: URL, { teamDomain }: UnsignedClaims): AccessError {
  const claim = teamDomain ? ` It claims to be of the team ${teamDomain}, as any host could.` : '';
  return new AccessError(
    'untrusted_authorization_server',
    `${host} gives no signed proof of the Access application that it is, and a login there could be meant for another one.${claim}`,
    `Do not sign in there. Ask the person whether the address is right; if they vouch for it, they add CF_ACCESS_HOSTS=${host} to this server’s environment and restart it.`,
  );
}

/** Nothing on this machine is a team's application but the sandbox's, whose team is here as well. */
function isLocalTeam({ teamDomain }: { teamDomain: string }): boolean {
  return URL.canParse(`http://${teamDomain}`) && isLoopback(new URL(`http://${teamDomain}`));
}

function foreignToken({ host }: URL, teamDomain: string): AccessError {
  return new AccessError(
    'token_rejected',
    `The sign-in to ${host} brought a token of the team ${teamDomain}, which has no application on this machine; nothing was kept.`,
    'Do not sign in there again. Tell the person that a program on this machine asked for a token that is not meant for it.',
  );
}

/** The application's own part of the URL's origin, if its domain has a path; else the origin. */
function resourceOf(url: URL, domain: string): string {
  const slash = domain.indexOf('/');
  const path = slash === -1 ? '/' : domain.slice(slash);
  const resource = URL.canParse(path, url.origin) ? new URL(path, url.origin).href : undefined;
  return resource !== undefined && coversUrl(resource, url)
    ? resourceKey(resource)
    : resourceKey(url.origin);
}
