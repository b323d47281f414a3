/**
 * Signing in to an application without Managed OAuth: with cloudflared's stored token, by exchanging the
 * team's org token, or by a browser transfer.
 */

import type { Abortable } from '../abortable.ts';
import { type AccessToken, isSamePerson } from '../cloudflare/application-token.ts';
import { readCloudflaredOrgToken, readCloudflaredToken } from '../cloudflare/cloudflared-files.ts';
import { exchangeOrgToken } from '../cloudflare/org-token.ts';
import type { SigningKeys } from '../cloudflare/signing-keys.ts';
import {
  planBrowserTransfer,
  receiveTransfer,
  transferLifetimeMs,
} from '../cloudflare/transfer/browser-transfer.ts';
import { AccessError } from '../errors.ts';
import type { ProtocolFetch } from '../http/protocol-fetch.ts';
import type { Log } from '../log.ts';
import { isLoopback } from '../secure-url.ts';
import type { Clock, RecordStore } from '../session/ports.ts';
import type { Session } from '../session/records.ts';
import { isSameSignIn } from '../session/session-from.ts';
import type { Sessions } from '../session/sessions.ts';
import { shownUrl } from '../shown-url.ts';
import type { Rendezvous } from './rendezvous.ts';
import type { SignIn } from './sign-in.ts';
import type { TransferTarget } from './transfer-target.ts';

/** A token that another program stores; it is read, never copied or changed. */
export interface BorrowedToken {
  readonly resource: string;
  readonly jwt: string;
  readonly expiresAt: number;
}

export interface TransferSignIns {
  /** cloudflared's own token for the application, if it is usable. */
  borrow(target: TransferTarget): Promise<BorrowedToken | undefined>;
  /** Exchanges the team's org token for a session, without involving the person. */
  exchange(target: TransferTarget, signal?: Abortable): Promise<Session | undefined>;
  begin(
    target: TransferTarget,
    options: { force: boolean; notFrom?: Session | undefined },
  ): Promise<SignIn>;
}

export function createTransferSignIns(parts: {
  readonly store: RecordStore;
  readonly clock: Clock;
  readonly fetch: ProtocolFetch;
  readonly log: Log;
  readonly sessions: Sessions;
  readonly keys: SigningKeys;
  readonly rendezvous: Rendezvous;
  readonly transferUrl: URL;
  readonly cloudflaredDir: string;
  readonly mayPass: (url: URL) => boolean;
}): TransferSignIns {
  const { store, clock, fetch, log, sessions, keys, rendezvous, mayPass } = parts;

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

  const cloudflared = (target: TransferTarget) => ({
    folder: parts.cloudflaredDir,
    now: clock.now(),
    userId: process.getuid?.(),
    keys: keysFor(target),
  });

  const borrowedOrgToken = async (target: TransferTarget): Promise<AccessToken | undefined> => {
    if (!target.proven || target.teamDomain === undefined) return undefined;
    const found = await readCloudflaredOrgToken(target.teamDomain, target.url, cloudflared(target));
    return found && 'token' in found ? found.token : undefined;
  };

  /**
   * The only applications on loopback are the sandbox's, whose team is on loopback too, so no other team's
   * keys are fetched for one.
   */
  const keysFor = ({ proven, url }: TransferTarget): SigningKeys => ({
    async find(team, keyId) {
      if (!proven && isLoopback(url) && !isLoopback(team)) throw foreignToken(url, team.host);
      return keys.find(team, keyId);
    },
  });

  return {
    async borrow(target) {
      const { url, resource } = target;
      const found = await readCloudflaredToken(target, cloudflared(target));
      if (found === undefined) return undefined;
      if ('ignored' in found) {
        log('info', 'cloudflared’s token is not used', { host: url.host, why: found.ignored });
        return undefined;
      }
      return { resource, jwt: found.token.jwt, expiresAt: found.token.expiresAt };
    },

    async exchange(target, signal) {
      const { url, teamDomain, audience, needsQuery } = target;
      if (teamDomain === undefined) return undefined;
      for (const organisation of [await keptOrgToken(teamDomain), await borrowedOrgToken(target)]) {
        if (organisation === undefined) continue;
        const token = await exchangeOrgToken(url, organisation, {
          fetch,
          keys,
          now: () => clock.now(),
          audience,
          mayPass,
          withQuery: needsQuery === true,
          signal,
        });
        if (token === undefined) continue;
        const session = sessionOf(target, token);
        await sessions.save(session);
        return session;
      }
      return undefined;
    },

    begin: (target, { force, notFrom }) =>
      rendezvous.begin({
        resource: target.resource,
        method: 'browser_transfer',
        at: target.teamDomain ?? target.url.host,
        joins: ({ code }) => !force && code === undefined,
        ...(force ? {} : { accepts: (session) => !(notFrom && isSameSignIn(session, notFrom)) }),
        prepare: async () => {
          // Not the whole URL: an agent chose it, and the person's browser is redirected there afterwards.
          const transfer = planBrowserTransfer(target.landing, target.audience);
          return {
            lifetimeMs: transferLifetimeMs,
            authorizationUrl: shownUrl(transfer.url),
            run: async (signal) => {
              const { application, organisation } = await receiveTransfer(transfer, {
                fetch,
                clock,
                teamKeys: keysFor(target),
                service: parts.transferUrl,
                teamDomain: target.teamDomain,
                signal,
              });
              // The application's operator sees the transfer's public key and could deliver the org token
              // of a team of their own, so it is kept only for the team that the host provably belongs to.
              const isTheirs =
                organisation !== undefined &&
                target.proven &&
                organisation.teamDomain === target.teamDomain &&
                isSamePerson(organisation, application);
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

function foreignToken({ host }: URL, teamDomain: string): AccessError {
  return new AccessError(
    'token_rejected',
    `The sign-in to ${host} brought a token of the team ${teamDomain}, which has no application on this machine; nothing was kept.`,
    [{ do: 'avoid_sign_in', why: 'untrusted' }, { do: 'stop' }],
  );
}
