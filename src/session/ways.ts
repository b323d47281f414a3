/**
 * The ways through a guard: the ones that need nobody (what another process has kept, cloudflared's
 * token, the team's org token), and the sign-ins that a person has to finish.
 */
import type { Guard } from '../cloudflare/protection.ts';
import { noUsableSignIn } from '../cloudflare/refusal.ts';
import { AccessError } from '../errors.ts';
import type { Credential } from '../http/credential.ts';
import type { Challenge } from '../oauth/challenge.ts';
import { coversScope, isScope, joinScopes } from '../oauth/scope.ts';
import type { CodeSignIns } from './code-sign-in.ts';
import type { BeginDeviceSignIn } from './device-sign-in.ts';
import type { Discovery, OAuthTarget } from './discovery.ts';
import type { Asked } from './gate.ts';
import { type Held, heldSession } from './held.ts';
import type { LocalSignIns } from './local-sign-in.ts';
import type { Clock } from './ports.ts';
import { keysCovering } from './resource-key.ts';
import type { Sessions } from './sessions.ts';
import type { SignIn } from './sign-in.ts';
import type { TransferSignIns, TransferTarget } from './transfer-sign-in.ts';

export type Target =
  | { readonly kind: 'oauth'; readonly oauth: OAuthTarget; readonly scope: string | undefined }
  | { readonly kind: 'transfer'; readonly transfer: TransferTarget };

export interface Ways {
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
  /**
   * `scope`: what a session that is there lacks. It is asked for together with the target's own, and
   * a sign-in under way is joined, `force` or not, when it asks for as much.
   */
  /** cloudflared's own token for the target, if it is usable. */
  borrowed(target: Target): Promise<Held | undefined>;
  begin(
    target: Target,
    options: { device: boolean; force: boolean; scope?: string | undefined },
  ): Promise<SignIn>;
  /** A sign-in under way that covers `url`, in this process or another; asks the network nothing. */
  join(url: URL): Promise<SignIn | undefined>;
}

const withoutMetadataMs = 10 * 60_000;

export function createWays(parts: {
  readonly discovery: Discovery;
  readonly sessions: Sessions;
  readonly codeSignIns: CodeSignIns;
  readonly localSignIns: LocalSignIns;
  readonly transferSignIns: TransferSignIns;
  readonly beginDevice: BeginDeviceSignIn;
  readonly clock: Clock;
}): Ways {
  const { clock, discovery, sessions, codeSignIns, localSignIns, transferSignIns, beginDevice } =
    parts;
  /** Origins that had no resource metadata, and when: asking again each time would cost two requests. */
  const withoutMetadata = new Map<string, number>();
  /** This process's, by resource: the only ones whose secret URL can be shown again. */
  const running = new Map<string, SignIn>();
  /** What the device codes under way were asked for. */
  const deviceScopes = new WeakMap<SignIn, string | undefined>();

  const keep = (signIn: SignIn): SignIn => {
    const known = running.get(signIn.resource);
    // Following the same one twice would show it as another's.
    if (known && known.startedAt === signIn.startedAt) return { ...known, mine: signIn.mine };
    running.set(signIn.resource, signIn);
    const drop = () => {
      if (running.get(signIn.resource) === signIn) running.delete(signIn.resource);
    };
    signIn.outcome.then(drop, drop);
    return signIn;
  };

  const oauthTarget = async (
    url: URL,
    challengeUrl: string | undefined,
    challenges: readonly Challenge[],
  ): Promise<Target | undefined> => {
    const oauth = await discovery.target(url, challengeUrl);
    return oauth && { kind: 'oauth', oauth, scope: chooseScope(challenges, oauth) };
  };

  /** A device code under way: it was begun because no browser opens here, which is so still. */
  const joinDevice = async (
    { resource }: OAuthTarget,
    stepUp: string | undefined,
  ): Promise<SignIn | undefined> => {
    const known = running.get(resource);
    if (known?.method === 'device_code') {
      return coversScope(deviceScopes.get(known), stepUp) ? { ...known, mine: false } : undefined;
    }
    if (stepUp !== undefined) return undefined;
    const joined = await localSignIns.join([resource]);
    return joined?.method === 'device_code' ? keep(joined) : undefined;
  };

  /** RFC 9728 §3.1: a resource may have metadata without saying so in its challenge. */
  const unnamedTarget = async (
    url: URL,
    challenges: readonly Challenge[],
  ): Promise<Target | undefined> => {
    const known = withoutMetadata.get(url.origin);
    if (known !== undefined && Math.abs(clock.now() - known) < withoutMetadataMs) return undefined;
    const target = await oauthTarget(url, undefined, challenges);
    if (target) withoutMetadata.delete(url.origin);
    else withoutMetadata.set(url.origin, clock.now());
    return target;
  };

  const borrowed: Ways['borrowed'] = async (target) => {
    const token =
      target.kind === 'oauth' ? undefined : await transferSignIns.borrow(target.transfer);
    return (
      token && {
        credential: { kind: 'cf_access_token', jwt: token.jwt },
        method: 'cloudflared',
        resource: token.resource,
        expiresAt: token.expiresAt,
      }
    );
  };

  return {
    borrowed,

    async target({ guard, challenges, evidence: { url } }, signal) {
      switch (guard.protection) {
        case 'managed_oauth':
        case 'oauth':
          return oauthTarget(url, guard.resourceMetadata, challenges);
        case 'browser_login':
          return {
            kind: 'transfer',
            transfer: await transferSignIns.target(url, guard.claims, signal),
          };
        case 'other':
          return isBareBearer(guard, challenges) ? unnamedTarget(url, challenges) : undefined;
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
        const renewed = await sessions.renew(kept);
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

    async begin(target, { device, force, scope }) {
      if (target.kind === 'transfer') {
        if (device) {
          throw new AccessError(
            'unsupported_authorization_server',
            `${target.transfer.url.host} is behind an Access login that offers no device codes.`,
            'Call authenticate without "method": "device".',
          );
        }
        return keep(await transferSignIns.begin(target.transfer, { force }));
      }
      const stepUp = scope !== undefined;
      const options = { force: force && !stepUp, scope: joinScopes(scope, target.scope) };
      const { authorization_endpoint, device_authorization_endpoint } = target.oauth.server;
      const underWay =
        device || options.force
          ? undefined
          : await joinDevice(target.oauth, scope && options.scope);
      if (underWay) return underWay;
      if (!device && (authorization_endpoint || !device_authorization_endpoint)) {
        return keep(await codeSignIns.begin(target.oauth, { ...options, stepUp }));
      }
      const signIn = keep(await beginDevice(target.oauth, { ...options, force }));
      deviceScopes.set(signIn, options.scope);
      return signIn;
    },

    async join(url) {
      const keys = keysCovering(url);
      for (const key of keys) {
        const known = running.get(key);
        if (known) return { ...known, mine: false };
      }
      const joined = (await codeSignIns.join(keys)) ?? (await localSignIns.join(keys));
      return joined && keep(joined);
    },
  };
}

export function resourceOf(target: Target): string {
  return target.kind === 'oauth' ? target.oauth.resource : target.transfer.resource;
}

/** Whether what is held was obtained for the target's resource, from its authorization server. */
export function isFrom(held: Held, target: Target): boolean {
  if (resourceOf(target) !== held.resource) return false;
  const issuer = held.session?.grant?.issuer;
  return issuer === undefined || target.kind !== 'oauth' || target.oauth.server.issuer === issuer;
}

function isSameCredential(one: Credential, other: Credential): boolean {
  return (
    one.kind === 'cf_access_token' && other.kind === 'cf_access_token' && one.jwt === other.jwt
  );
}

/** A Bearer challenge without metadata: a 401's, or a 403's that asks for more scope (RFC 6750 §3.1). */
export function isBareBearer(guard: Guard, challenges: readonly Challenge[]): boolean {
  if (guard.protection !== 'other') return false;
  return challenges.some(
    ({ scheme, parameters }) =>
      scheme === 'bearer' &&
      (guard.how === 'challenge' ||
        (guard.how === 'status' && parameters.get('error') === 'insufficient_scope')),
  );
}

/** The challenge's scope, else the resource's, else none; offline access where the server lists it. */
function chooseScope(challenges: readonly Challenge[], oauth: OAuthTarget): string | undefined {
  const asked = challenges
    .filter(({ scheme }) => scheme === 'bearer')
    .map(({ parameters }) => parameters.get('scope'))
    .find((scope) => scope !== undefined);
  const scopes = new Set(
    (asked === undefined ? (oauth.scopesSupported ?? []) : asked.split(' ')).filter(isScope),
  );
  const listed: unknown = oauth.server.scopes_supported;
  if (Array.isArray(listed) && listed.includes('offline_access')) scopes.add('offline_access');
  else scopes.delete('offline_access');
  return scopes.size === 0 ? undefined : [...scopes].join(' ');
}
