/** The session room, put together: from a URL to a credential, and everything that can be done with it. */
import type { HostPattern } from '../cloudflare/host-pattern.ts';
import type { ServiceToken } from '../cloudflare/service-token/service-token.ts';
import { createSigningKeys } from '../cloudflare/signing-keys.ts';
import { type IssuerTrust, trustsIssuer } from '../cloudflare/team.ts';
import type { ProtocolFetch } from '../http/protocol-fetch.ts';
import type { Send } from '../http/send.ts';
import { bounds } from '../http/waiting/bounds.ts';
import { inAll } from '../http/waiting/within.ts';
import type { Log } from '../log.ts';
import type { OAuthClient } from '../oauth/client.ts';
import { isOfIssuer } from '../session/grant-server.ts';
import type { Clock, Lock, RecordStore, RedirectListener } from '../session/ports.ts';
import type { Session } from '../session/records.ts';
import { createRedirectUris } from '../session/redirect-uris.ts';
import { createRegistrations } from '../session/registrations.ts';
import { createSessions, type Sessions } from '../session/sessions.ts';
import { createSignInAllowance } from '../sign-in/allowance.ts';
import { createPersons } from '../sign-in/ask-person.ts';
import { createCodeSignIn } from '../sign-in/authorization-code.ts';
import { createTransferSignIns } from '../sign-in/browser-transfer.ts';
import { createCallbackPorts } from '../sign-in/callback-ports.ts';
import { createDeviceSignIn } from '../sign-in/device-code.ts';
import { createDiscovery } from '../sign-in/discovery.ts';
import { createRedemption } from '../sign-in/redemption.ts';
import { createRendezvous } from '../sign-in/rendezvous.ts';
import { createRunHere } from '../sign-in/run-here.ts';
import { createTeamProofs } from '../sign-in/team-proofs.ts';
import { createTokenHosts } from '../sign-in/token-hosts.ts';
import { createFindTransferTarget } from '../sign-in/transfer-target.ts';
import { createWakeUp } from '../sign-in/wake-up.ts';
import { type Authenticate, createAuthenticate } from './authenticate.ts';
import { createCredentials } from './credentials.ts';
import { createDetect, type Detect } from './detect.ts';
import { createGiveToken, type GiveToken } from './give-token.ts';
import { createHop, type SendGuardedHop } from './guarded-exchange.ts';
import { createGate } from './guarded-request.ts';
import { checkRequest, checkTokenMayLeave, checkUrl, type Limits } from './limits.ts';
import { createObtain } from './obtain.ts';
import { createServiceTokens } from './service-tokens.ts';
import { createWays } from './ways.ts';

export interface AccessSettings {
  readonly serviceTokens: readonly ServiceToken[];
  readonly hosts: readonly HostPattern[];
  readonly trust: IssuerTrust;
  readonly oauthClient?: OAuthClient;
  readonly callbackPorts: readonly number[];
  readonly headless: boolean;
  readonly transferUrl: URL;
  readonly cloudflaredDir: string;
  readonly limits: Limits;
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
  /** Whose credential a request to `url` would carry as things stand; empty for nobody's. */
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

  const gate = createGate(send);
  const keys = createSigningKeys({ fetch, now: () => clock.now() });
  const proofs = createTeamProofs({ fetch, clock, keys });
  const discovery = createDiscovery({ fetch, clock, trust, tokenHosts, log });
  const sessions = createSessions({ store, lock, clock, fetch, log, isTrusted });
  const serviceTokens = createServiceTokens({
    tokens: settings.serviceTokens,
    pinnedTeam,
    proofs,
    gate,
  });
  const credentials = createCredentials({ clock, sessions, serviceTokens });
  const registrations = createRegistrations({
    store,
    lock,
    clock,
    fetch,
    configured: settings.oauthClient,
    trust,
  });
  const redirectUris = createRedirectUris({ store });
  const wakeUp = createWakeUp(clock);
  const { redeem } = createRedemption({
    store,
    lock,
    clock,
    fetch,
    log,
    discovery,
    sessions,
    tokenHosts,
    wakeUp,
    redirectUris,
    isTrustedIssuer: (issuer, resource) => trustsIssuer(new URL(issuer), new URL(resource), trust),
  });
  const callbackPorts = createCallbackPorts({
    store,
    clock,
    listener,
    wakeUp,
    redeem,
    configured: settings.callbackPorts,
  });
  const rendezvous = createRendezvous({
    store,
    lock,
    clock,
    sessions,
    admit: createSignInAllowance({ store, lock, clock }),
    wakeUp,
    callbackPorts,
    runHere: createRunHere({ store, clock, log, sessions }),
  });
  const beginCode = createCodeSignIn({ rendezvous, callbackPorts, registrations, redirectUris });
  const transferSignIns = createTransferSignIns({
    store,
    clock,
    fetch,
    log,
    sessions,
    keys,
    rendezvous,
    transferUrl: settings.transferUrl,
    cloudflaredDir: settings.cloudflaredDir,
  });
  const beginDevice = createDeviceSignIn({
    fetch,
    clock,
    rendezvous,
    registrations,
    tokenHosts,
    port: settings.callbackPorts[0] ?? 8400,
  });
  const ways = createWays({
    clock,
    discovery,
    sessions,
    rendezvous,
    beginCode,
    findTransferTarget: createFindTransferTarget({ proofs, pinnedTeam, hosts: settings.hosts }),
    transferSignIns,
    beginDevice,
  });
  const persons = createPersons({ signIns: ways, clock, registrations, redirectUris });
  const shared = { gate, credentials, sessions, serviceTokens, ways, persons, headless };

  const detect = createDetect({ gate, clock, ways, sessions, serviceTokens, proofs, headless });
  const authenticate = createAuthenticate({ ...shared, redeem });
  const sendHop = createHop({ ...shared, obtain: createObtain(shared) });
  const giveToken = createGiveToken({ gate, credentials, sessions, serviceTokens, ways });

  // Everything that is asked for the agent comes through here.
  return {
    limits,
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
