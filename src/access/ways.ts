/**
 * The ways through a guard: the ones that need nobody (what another process has kept, cloudflared's
 * token, the team's org token), and the sign-ins that a person has to finish.
 */
import { noUsableSignIn } from '../cloudflare/refusal.ts';
import { AccessError, isAccessError } from '../errors.ts';
import type { Challenge } from '../oauth/challenge.ts';
import { chooseScope, joinScopes } from '../oauth/scope.ts';
import type { Credential } from '../secrets/credential.ts';
import { type Held, heldLoan, heldSession } from '../session/held-credential.ts';
import type { Clock } from '../session/ports.ts';
import type { Sessions } from '../session/sessions.ts';
import type { SignIns } from '../sign-in/ask-person.ts';
import type { BeginCodeSignIn } from '../sign-in/authorization-code.ts';
import type { TransferSignIns } from '../sign-in/browser-transfer.ts';
import type { BeginDeviceSignIn } from '../sign-in/device-code.ts';
import type { Discovery } from '../sign-in/discovery.ts';
import { createOpenSignIns } from '../sign-in/open-sign-ins.ts';
import type { Rendezvous } from '../sign-in/rendezvous.ts';
import { isBareBearer, resourceOf, type Target } from '../sign-in/target.ts';
import type { FindTransferTarget } from '../sign-in/transfer-target.ts';
import type { Asked } from './guarded-request.ts';

export interface Ways extends SignIns {
  /**
   * Whom a person would sign in to; `undefined` where the guard is nobody's that we know. Throws
   * `access_denied` where no person can sign in, and what discovery throws.
   */
  target(asked: Asked, signal?: AbortSignal): Promise<Target | undefined>;
  /** A credential that needs nobody, other than the one that was refused. */
  silent(
    target: Target,
    refused: Held | undefined,
    signal?: AbortSignal,
  ): Promise<Held | undefined>;
  /** cloudflared's own token for the target, if it is usable. */
  borrowed(target: Target): Promise<Held | undefined>;
}

const withoutMetadataMs = 10 * 60_000;
const maxWithoutMetadata = 1_000;

export function createWays(parts: {
  readonly discovery: Discovery;
  readonly sessions: Sessions;
  readonly rendezvous: Rendezvous;
  readonly beginCode: BeginCodeSignIn;
  readonly findTransferTarget: FindTransferTarget;
  readonly transferSignIns: TransferSignIns;
  readonly beginDevice: BeginDeviceSignIn;
  readonly clock: Clock;
}): Ways {
  const { clock, discovery, sessions, beginCode, transferSignIns, beginDevice } = parts;
  const { findTransferTarget } = parts;
  /** URLs without query that had no resource metadata, and when: asking again each time would cost two requests. */
  const withoutMetadata = new Map<string, number>();
  const openSignIns = createOpenSignIns(parts.rendezvous);

  const oauthTarget = async (
    url: URL,
    challengeUrl: string | undefined,
    challenges: readonly Challenge[],
    signal: AbortSignal | undefined,
  ): Promise<Target | undefined> => {
    const oauth = await discovery.target(url, challengeUrl, signal);
    if (!oauth) return undefined;
    const { scopesSupported: ofResource, server } = oauth;
    const scope = chooseScope(challenges, { ofResource, ofServer: server.scopes_supported });
    return { kind: 'oauth', oauth, scope };
  };

  /** RFC 9728 §3.1: a resource may have metadata without saying so in its challenge. */
  const unnamedTarget = async (
    url: URL,
    challenges: readonly Challenge[],
    signal: AbortSignal | undefined,
  ): Promise<Target | undefined> => {
    // By path, as the well-known address is.
    const key = url.origin + url.pathname;
    const known = withoutMetadata.get(key);
    if (known !== undefined && Math.abs(clock.now() - known) < withoutMetadataMs) return undefined;
    withoutMetadata.delete(key);
    const target = await oauthTarget(url, undefined, challenges, signal).catch((error: unknown) => {
      // Nobody said that there is any: what the application itself answered is worth more than this.
      if (isAccessError(error, 'temporarily_unavailable')) return 'unknown' as const;
      throw error;
    });
    if (target === 'unknown') return undefined;
    if (target === undefined) {
      if (withoutMetadata.size >= maxWithoutMetadata) withoutMetadata.clear();
      withoutMetadata.set(key, clock.now());
    }
    return target;
  };

  const borrowed: Ways['borrowed'] = async (target) => {
    const token =
      target.kind === 'oauth' ? undefined : await transferSignIns.borrow(target.transfer);
    return token && heldLoan(token);
  };

  return {
    borrowed,

    async target({ guard, challenges, evidence: { url } }, signal) {
      switch (guard.protection) {
        case 'managed_oauth':
        case 'oauth':
          return oauthTarget(url, guard.resourceMetadata, challenges, signal);
        case 'browser_login':
          return {
            kind: 'transfer',
            transfer: await findTransferTarget(url, guard.claims, signal),
          };
        case 'other':
          return isBareBearer(guard, challenges)
            ? unnamedTarget(url, challenges, signal)
            : undefined;
        case 'service_auth':
          throw noUsableSignIn(url, guard.claims, 'only service tokens are let in');
        case 'none':
        case 'denied':
          return undefined;
      }
    },

    async silent(target, refused, signal) {
      const resource = resourceOf(target);
      const refusedToken = refused?.session?.accessToken;
      const kept = await sessions.reread(resource);
      if (kept && kept.accessToken !== refusedToken) {
        if (sessions.isFresh(kept)) return heldSession(kept);
        const renewed = await sessions.renew(kept, signal);
        if (renewed) return heldSession(renewed);
      }
      if (target.kind === 'oauth') return undefined;
      const found = await borrowed(target);
      if (found && !(refused && isSameCredential(refused.credential, found.credential))) {
        return found;
      }
      const exchanged = await transferSignIns.exchange(target.transfer, signal);
      return exchanged && heldSession(exchanged);
    },

    join: openSignIns.join,

    async begin(target, { device, force, scope }) {
      if (target.kind === 'transfer') {
        if (device) {
          throw new AccessError(
            'unsupported_authorization_server',
            `${target.transfer.url.host} is behind an Access login that offers no device codes.`,
            'Call authenticate without "method": "device".',
          );
        }
        return openSignIns.keep(await transferSignIns.begin(target.transfer, { force }));
      }
      const stepUp = scope !== undefined;
      const options = { force: force && !stepUp, scope: joinScopes(scope, target.scope) };
      const { authorization_endpoint, device_authorization_endpoint } = target.oauth.server;
      const underWay =
        device || options.force
          ? undefined
          : await openSignIns.joinDevice(target.oauth.resource, scope && options.scope);
      if (underWay) return underWay;
      if (!device && (authorization_endpoint || !device_authorization_endpoint)) {
        return openSignIns.keep(await beginCode(target.oauth, { ...options, stepUp }));
      }
      return openSignIns.keep(
        await beginDevice(target.oauth, { ...options, force }),
        options.scope,
      );
    },
  };
}

function isSameCredential(one: Credential, other: Credential): boolean {
  return (
    one.kind === 'cf_access_token' && other.kind === 'cf_access_token' && one.jwt === other.jwt
  );
}
