/** Wires the access room: what the tools and commands can do with a URL that may be guarded. */

import { createUserAgents, pastFirewall, type UserAgents } from '../cloudflare/firewall.ts';
import type { ServiceToken } from '../cloudflare/service-token/service-token.ts';
import { createSigningKeys } from '../cloudflare/signing-keys.ts';
import { trustsIssuer } from '../cloudflare/team.ts';
import type { ProtocolFetch } from '../http/protocol-fetch.ts';
import type { Send } from '../http/send.ts';
import { bounds } from '../http/waiting/bounds.ts';
import { inAll } from '../http/waiting/within.ts';
import type { Log } from '../log.ts';
import { isOfIssuer } from '../session/grant-server.ts';
import type { Clock, Lock, RecordStore, RedirectListener } from '../session/ports.ts';
import type { Session } from '../session/records.ts';
import { createSessions, type Sessions } from '../session/sessions.ts';
import { createTeamProofs } from '../sign-in/team-proofs.ts';
import { createTokenHosts } from '../sign-in/token-hosts.ts';
import { type Authenticate, createAuthenticate } from './authenticate.ts';
import { createBesideAuthorization } from './beside-authorization.ts';
import { createCredentials } from './credentials.ts';
import { createDetect, type Detect } from './detect.ts';
import { createGiveToken, type GiveToken } from './give-token.ts';
import { createSendGuardedHop, type SendGuardedHop } from './guarded-exchange.ts';
import { createGuardedSend } from './guarded-request.ts';
import { checkRequest, checkTokenMayLeave, checkUrl, type Limits } from './limits.ts';
import { createNextCredential } from './next-credential.ts';
import { createMakePlan } from './plan.ts';
import { createRedeemCallback } from './redeem-callback.ts';
import { createRunPlan } from './run-plan.ts';
import { createServiceTokens } from './service-tokens/service-tokens.ts';
import { signInOnDemand } from './sign-in-on-demand.ts';
import type { SignInSettings } from './sign-in-parts.ts';
import { createSilentCredentials } from './silent-credentials.ts';

export interface AccessSettings extends SignInSettings {
  readonly serviceTokens: readonly ServiceToken[];
  readonly headless: boolean;
}

export interface AccessParts {
  readonly settings: AccessSettings;
  readonly store: RecordStore;
  readonly lock: Lock;
  readonly clock: Clock;
  readonly listener: RedirectListener;
  readonly send: Send;
  readonly fetch: ProtocolFetch;
  readonly log: Log;
}

export interface Access {
  readonly detect: Detect;
  readonly authenticate: Authenticate;
  readonly sendHop: SendGuardedHop;
  readonly giveToken: GiveToken;
  readonly limits: Limits;
  /** The agent's own that firewalls have let through. */
  readonly userAgents: UserAgents;
  /** Identifies the holder of the credential that a request to `url` would carry now; empty for none. */
  readonly identityAt: (url: URL) => Promise<string>;
  readonly sessions: Pick<Sessions, 'list' | 'find' | 'leave' | 'isFresh'>;
  /** Why sessions live in this process's memory alone; `undefined` while they are on disk. */
  memoryOnly(): string | undefined;
}

export function createAccess(parts: AccessParts): Access {
  const { settings, store, lock, clock, listener, send, fetch, log } = parts;
  const { trust, headless, limits } = settings;
  const pinnedTeam = trust.team;

  const tokenHosts = createTokenHosts({ trust, clock });
  const isTrusted = ({ grant, teamDomain, resource }: Session): boolean =>
    grant
      ? isOfIssuer(grant) &&
        trustsIssuer(new URL(grant.issuer), new URL(resource), trust) &&
        tokenHosts.admits(grant.issuer, resource, grant.confirmed === true)
      : pinnedTeam === undefined || teamDomain === pinnedTeam;

  const userAgents = createUserAgents();
  const guardedSend = createGuardedSend(send, userAgents);
  const questions = pastFirewall(fetch, userAgents);
  const keys = createSigningKeys({ fetch, now: () => clock.now() });
  const proofs = createTeamProofs({ fetch: questions, clock, keys });
  const sessions = createSessions({ store, lock, clock, fetch, log, isTrusted });
  const serviceTokens = createServiceTokens({
    tokens: settings.serviceTokens,
    pinnedTeam,
    proofs,
    guardedSend,
  });
  const credentials = createCredentials({ clock, sessions, serviceTokens });
  const signInParts = signInOnDemand(async () => {
    const { createSignInParts } = await import('./sign-in-parts.ts');
    return createSignInParts({
      settings,
      store,
      lock,
      clock,
      listener,
      fetch,
      questions,
      log,
      sessions,
      tokenHosts,
      keys,
      proofs,
    });
  });
  const { redeem, transferSignIns, signIns, personSignIn, findTarget, findTransferTarget } =
    signInParts;
  const silentCredentials = createSilentCredentials({ sessions, transferSignIns });
  const makePlan = createMakePlan({ findTarget, headless });
  const runPlan = createRunPlan({ credentials, serviceTokens, silentCredentials, headless });
  const shared = {
    guardedSend,
    credentials,
    sessions,
    serviceTokens,
    makePlan,
    runPlan,
    personSignIn,
    besideAuthorization: createBesideAuthorization({ findTransferTarget, clock }),
    headless,
  };

  const detect = createDetect({ ...shared, silentCredentials, proofs });
  const redeemCallback = createRedeemCallback({ redeem, credentials, sessions });
  const authenticate = createAuthenticate({ ...shared, signIns, redeemCallback });
  const nextCredential = createNextCredential(shared);
  const sendHop = createSendGuardedHop({ ...shared, nextCredential });
  const giveToken = createGiveToken(shared);

  // Every request on the agent's behalf passes through here and is checked against the limits.
  return {
    limits,
    userAgents,
    async detect(url, signal) {
      checkUrl(limits, url);
      return inAll(bounds.call, url, signal, (until) => detect(url, until));
    },
    async authenticate(url, options) {
      checkUrl(limits, url);
      return authenticate(url, options);
    },
    async sendHop(request, options) {
      checkRequest(limits, request);
      return sendHop(request, options);
    },
    async giveToken(url, options) {
      checkTokenMayLeave(limits, url);
      const give = (signal: AbortSignal) => giveToken(url, { ...options, signal });
      return inAll(bounds.call, url, options.signal, give);
    },
    identityAt: credentials.identity,
    sessions,
    memoryOnly: () => store.memoryOnly(),
  };
}
