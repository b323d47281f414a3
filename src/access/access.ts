/** Wires the access room: what the tools and commands can do with a URL that may be guarded. */

import type { Abortable } from '../abortable.ts';
import { createUserAgents, type UserAgents } from '../cloudflare/firewall.ts';
import { trustsIssuer } from '../cloudflare/team.ts';
import { bounds } from '../http/waiting/bounds.ts';
import { inAll } from '../http/waiting/within.ts';
import { onDemand } from '../on-demand.ts';
import { once } from '../once.ts';
import { isOfIssuer } from '../session/grant-server.ts';
import type { Session } from '../session/records.ts';
import { createSessions, type Sessions } from '../session/sessions.ts';
import { createTokenHosts } from '../sign-in/token-hosts.ts';
import type { Authenticate } from './authenticate.ts';
import { createCredentials } from './credentials.ts';
import type { Detect } from './detect.ts';
import type { SendGuardedHop } from './exchange/guarded-exchange.ts';
import { checkRequest, checkTokenMayLeave, checkUrl, type Limits } from './limits.ts';
import type { AccessParts } from './parts.ts';
import { createGrantedTokens } from './service-tokens/granted.ts';
import { type GivenToken, keptToken } from './token/kept-token.ts';

export interface GiveTokenOptions {
  /** How long it must still be valid. */
  readonly minTtlMs: number;
  readonly signal?: Abortable | undefined;
}

export interface Access {
  readonly detect: Detect;
  readonly authenticate: Authenticate;
  readonly sendHop: SendGuardedHop;
  /**
   * The token itself. Refreshes it if necessary, but never asks anybody to sign in. Throws
   * `sign_in_required`, `service_token_not_disclosed`, the service token errors, and what a refresh
   * throws.
   */
  giveToken(url: URL, options: GiveTokenOptions): Promise<GivenToken>;
  readonly limits: Limits;
  /** The agent's own that firewalls have let through. */
  readonly userAgents: UserAgents;
  /** Identifies the holder of the credential that a request to `url` would carry now; empty for none. */
  readonly identityAt: (url: URL) => Promise<string>;
  readonly sessions: Pick<Sessions, 'list' | 'find' | 'leave' | 'isFresh' | 'renewalsEnded'>;
  /** Why sessions live in this process's memory alone; `undefined` while they are on disk. */
  memoryOnly(): string | undefined;
}

export function createAccess(parts: AccessParts): Access {
  const { settings, store, lock, clock, fetch, log } = parts;
  const { trust, limits } = settings;
  const pinnedTeam = trust.team;

  const tokenHosts = createTokenHosts({ trust, clock });
  const isTrusted = ({ grant, teamDomain, resource }: Session): boolean =>
    grant
      ? isOfIssuer(grant) &&
        trustsIssuer(new URL(grant.issuer), new URL(resource), trust) &&
        tokenHosts.admits(grant.issuer, resource, grant.confirmed === true)
      : pinnedTeam === undefined || teamDomain === pinnedTeam;

  const userAgents = createUserAgents();
  const sessions = createSessions({ store, lock, clock, fetch, log, isTrusted });
  const granted = createGrantedTokens();
  const credentials = createCredentials({ clock, sessions, granted });
  const beyondSessions = once(async () => {
    const { createAsking } = await import('./asking.ts');
    return createAsking({ ...parts, sessions, credentials, granted, tokenHosts, userAgents });
  });
  const asking = onDemand(beyondSessions, 'detect', 'authenticate', 'sendHop', 'askForToken');

  // Every request on the agent's behalf passes through here and is checked against the limits.
  return {
    limits,
    userAgents,
    async detect(url, signal) {
      checkUrl(limits, url);
      return inAll(bounds.call, url, signal, (until) => asking.detect(url, until));
    },
    async authenticate(url, options) {
      checkUrl(limits, url);
      return asking.authenticate(url, options);
    },
    async sendHop(request, options) {
      checkRequest(limits, request);
      return asking.sendHop(request, options);
    },
    async giveToken(url, { minTtlMs, signal }) {
      checkTokenMayLeave(limits, url);
      const kept = keptToken(await credentials.ready(url, minTtlMs), minTtlMs, sessions);
      if (kept) return kept;
      return inAll(bounds.call, url, signal, async (until) => {
        const current = await credentials.find(url, minTtlMs, until);
        return keptToken(current, minTtlMs, sessions) ?? asking.askForToken(url, current, until);
      });
    },
    identityAt: credentials.identity,
    sessions,
    memoryOnly: () => store.memoryOnly(),
  };
}
