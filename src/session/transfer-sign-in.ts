/**
 * Signing in to an application without Managed OAuth: what cloudflared keeps for it, the team's org
 * token exchanged, or a browser transfer.
 */

import type { AccessToken } from '../cloudflare/application-token.ts';
import { planBrowserTransfer, receiveTransfer } from '../cloudflare/browser-transfer.ts';
import { readCloudflaredOrgToken, readCloudflaredToken } from '../cloudflare/cloudflared-files.ts';
import { exchangeOrgToken } from '../cloudflare/org-token.ts';
import { AccessError } from '../errors.ts';
import type { ProtocolFetch } from '../http/protocol-fetch.ts';
import type { Log } from '../log.ts';
import { isLoopback } from '../secure-url.ts';
import type { LocalSignIns } from './local-sign-in.ts';
import type { Clock, RecordStore } from './ports.ts';
import type { Session } from './records.ts';
import type { Sessions } from './sessions.ts';
import type { SignIn } from './sign-in.ts';
import type { TeamProofs } from './team-proofs.ts';
import type { TransferTarget } from './transfer-target.ts';

/** A token that is kept elsewhere and only read by us. */
export interface BorrowedToken {
  readonly resource: string;
  readonly jwt: string;
  readonly expiresAt: number;
}

export interface TransferSignIns {
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
  readonly transferUrl: URL;
  readonly cloudflaredDir: string;
}): TransferSignIns {
  const { store, clock, fetch, log, sessions, proofs, localSignIns } = parts;

  const sessionOf = (
    target: TransferTarget,
    token: { jwt: string; expiresAt: number; teamDomain: string },
  ): Session => ({
    format: 1,
    resource: target.resource,
    method: 'browser_transfer',
    accessToken: token.jwt,
    obtainedAt: clock.now(),
    signedInAt: clock.now(),
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
