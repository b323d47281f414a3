/** Wires the sign-in room: finding where a person can sign in, and signing them in. */
import type { HostPattern } from '../cloudflare/host-pattern.ts';
import type { SigningKeys } from '../cloudflare/signing-keys.ts';
import { type IssuerTrust, trustsIssuer } from '../cloudflare/team.ts';
import type { ProtocolFetch } from '../http/protocol-fetch.ts';
import type { Log } from '../log.ts';
import type { OAuthClient } from '../oauth/client.ts';
import type { Clock, Lock, RecordStore, RedirectListener } from '../session/ports.ts';
import { createRedirectUris } from '../session/redirect-uris.ts';
import { createRegistrations } from '../session/registrations.ts';
import type { Sessions } from '../session/sessions.ts';
import { createSignInAllowance } from '../sign-in/allowance.ts';
import { createCodeSignIn } from '../sign-in/authorization-code.ts';
import { createTransferSignIns } from '../sign-in/browser-transfer.ts';
import { createCallbackPorts } from '../sign-in/callback-ports.ts';
import { createDeviceSignIn } from '../sign-in/device-code.ts';
import { createDiscovery } from '../sign-in/discovery.ts';
import { createFindTarget } from '../sign-in/find-target.ts';
import { createPersonSignIn } from '../sign-in/person-sign-in.ts';
import { createRedemption } from '../sign-in/redemption.ts';
import { createRendezvous } from '../sign-in/rendezvous.ts';
import { createRunHere } from '../sign-in/run-here.ts';
import { createSignIns } from '../sign-in/sign-ins.ts';
import type { TeamProofs } from '../sign-in/team-proofs.ts';
import type { TokenHosts } from '../sign-in/token-hosts.ts';
import { createFindTransferTarget } from '../sign-in/transfer-target.ts';
import { createWakeUp } from '../sign-in/wake-up.ts';
import { isAllowedHost, type Limits } from './limits.ts';

export interface SignInSettings {
  /** Hosts that the person vouches for. */
  readonly hosts: readonly HostPattern[];
  readonly trust: IssuerTrust;
  readonly oauthClient?: OAuthClient;
  readonly callbackPorts: readonly number[];
  readonly transferUrl: URL;
  readonly cloudflaredDir: string;
  readonly limits: Limits;
}

export function createSignInParts(parts: {
  readonly settings: SignInSettings;
  readonly store: RecordStore;
  readonly lock: Lock;
  readonly clock: Clock;
  readonly listener: RedirectListener;
  readonly fetch: ProtocolFetch;
  /** For discovery. */
  readonly questions: ProtocolFetch;
  readonly log: Log;
  readonly sessions: Sessions;
  readonly tokenHosts: TokenHosts;
  readonly keys: SigningKeys;
  readonly proofs: TeamProofs;
}) {
  const { settings, store, lock, clock, listener, fetch, log } = parts;
  const { sessions, tokenHosts, keys, proofs } = parts;
  const { trust } = settings;

  const discovery = createDiscovery({ fetch: parts.questions, clock, trust, tokenHosts, log });
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
    mayPass: (url) => isAllowedHost(settings.limits, url),
  });
  const beginDevice = createDeviceSignIn({
    fetch,
    clock,
    rendezvous,
    registrations,
    tokenHosts,
    port: settings.callbackPorts[0] ?? 8400,
  });
  const signIns = createSignIns({ rendezvous, beginCode, beginDevice, transferSignIns });
  const personSignIn = createPersonSignIn({ signIns, clock, registrations, redirectUris });
  const findTransferTarget = createFindTransferTarget({
    proofs,
    pinnedTeam: trust.team,
    hosts: settings.hosts,
  });
  const findTarget = createFindTarget({ clock, discovery, findTransferTarget });

  return { redeem, transferSignIns, signIns, personSignIn, findTarget, findTransferTarget };
}
