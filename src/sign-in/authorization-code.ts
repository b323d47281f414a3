/**
 * Signing in with an authorization code. The request is on disk before the browser sees it, so that
 * whichever process holds the port when the person is done can redeem the response: it need not be
 * the one that asked. One sign-in a resource; everyone else joins it.
 */
import { randomBytes } from 'node:crypto';
import { type AccessError, isAccessError } from '../errors.ts';
import type { ProtocolFetch } from '../http/protocol-fetch.ts';
import type { Log } from '../log.ts';
import { authorizationUrl, drawCodeVerifier } from '../oauth/authorization.ts';
import { coversScope } from '../oauth/scope.ts';
import type {
  CallbackPage,
  ClaimedPort,
  Clock,
  Lock,
  RecordStore,
  RedirectListener,
} from '../session/ports.ts';
import type { PendingSignIn, Session } from '../session/records.ts';
import type { Registrations } from '../session/registrations.ts';
import type { Sessions } from '../session/sessions.ts';
import { shownUrl } from '../shown-url.ts';
import type { AdmitSignIn } from './allowance.ts';
import type { Discovery, OAuthTarget } from './discovery.ts';
import { type CodePending, expired, isOpenAt } from './pending-code.ts';
import { createRedemption, type Redemption } from './redemption.ts';
import { failureOf, finishedSignIn, type SignIn, Superseded, signInLifetimeMs } from './sign-in.ts';
import type { TokenHosts } from './token-hosts.ts';
import { createBell } from './wake-up.ts';

export interface CodeSignIns {
  /**
   * Joins the sign-in that waits for `target`, or plans a new one: port bound, client registered,
   * request kept. Nothing is shown to the person yet. Throws `callback_port_unavailable`,
   * `registration_rejected`, `unsupported_authorization_server`, and what the network throws.
   */
  begin(
    target: OAuthTarget,
    options: {
      force: boolean;
      scope: string | undefined;
      /** Join only what asks for as much scope: less would be refused again. */
      stepUp?: boolean;
    },
  ): Promise<SignIn>;
  /** Joins the sign-in that waits for any resource covering these keys, without any request. */
  join(keys: readonly string[]): Promise<SignIn | undefined>;
  /** For a response that was handed over by hand. */
  readonly redeem: Redemption['redeem'];
}

export interface CodeSignInParts {
  readonly store: RecordStore;
  readonly lock: Lock;
  readonly clock: Clock;
  readonly listener: RedirectListener;
  readonly admit: AdmitSignIn;
  readonly fetch: ProtocolFetch;
  readonly log: Log;
  readonly discovery: Discovery;
  readonly registrations: Registrations;
  readonly sessions: Sessions;
  readonly tokenHosts: TokenHosts;
  readonly callbackPorts: readonly number[];
  readonly isTrustedIssuer: (issuer: string, resource: string) => boolean;
}

/** How often a waiting process looks whether another one has finished the sign-in. */
const lookEveryMs = 250;
const lookAfterOthersEveryMs = 1_000;

export function createCodeSignIns(parts: CodeSignInParts): CodeSignIns {
  const { store, lock, clock, listener, registrations, sessions } = parts;

  const bell = createBell(clock);

  const isOpen = (pending: PendingSignIn | undefined): pending is CodePending =>
    isOpenAt(pending, clock.now());
  const { redeem, fail } = createRedemption({ ...parts, bell });

  /** Not so when the resource has changed its authorization server since. */
  const isFor = ({ code }: CodePending, target: OAuthTarget): boolean =>
    code.issuer === target.server.issuer && code.resourceIndicator === target.resourceIndicator;

  const begin: CodeSignIns['begin'] = (target, { force, scope, stepUp = false }) =>
    lock.hold(`sign-in ${target.resource}`, async () => {
      const kept = await store.read('pending', target.resource);
      const isEnough = (pending: CodePending) => !stepUp || coversScope(pending.code.scope, scope);
      if (!force && isOpen(kept) && isFor(kept, target) && isEnough(kept)) {
        const claim = await claimKept(kept.code.port);
        if (claim) return follow(kept, claim, false);
      }
      // Whoever had the lock before us may have begun and ended one.
      const done = force || stepUp ? undefined : await sessions.usable(target.resource);
      if (done?.grant?.issuer === target.server.issuer)
        return finishedSignIn(done, new URL(target.server.issuer).host);
      await parts.admit({ resource: target.resource, at: new URL(target.server.issuer).host });
      const claim = await listener.claim(parts.callbackPorts, (response) => onCallback(response));
      try {
        const { client, redirectUri } = await registrations.clientFor(target.server, {
          port: claim.port,
          resourceIndicator: target.resourceIndicator,
          anew: isRegistrationInDoubt(kept, force),
        });
        const { verifier, challenge } = await drawCodeVerifier();
        const state = randomBytes(32).toString('base64url');
        const url = authorizationUrl(target.server, {
          clientId: client.clientId,
          redirectUri,
          codeChallenge: challenge,
          state,
          resource: target.resourceIndicator,
          scope,
        });
        const startedAt = clock.now();
        const pending: CodePending = {
          format: 1,
          resource: target.resource,
          method: 'authorization_code',
          startedAt,
          expiresAt: startedAt + signInLifetimeMs,
          aliveAt: startedAt,
          code: {
            authorizationUrl: shownUrl(url),
            state,
            codeVerifier: verifier,
            redirectUri,
            port: claim.port,
            issuer: target.server.issuer,
            resourceIndicator: target.resourceIndicator,
            client: { ...client },
            ...(scope === undefined ? {} : { scope }),
            ...(target.teamDomain === undefined ? {} : { teamDomain: target.teamDomain }),
          },
        };
        await lock.hold(`session ${target.resource}`, () =>
          store.write('pending', target.resource, pending),
        );
        bell.ring();
        return follow(pending, claim, true);
      } catch (error) {
        await claim.release();
        throw error;
      }
    });

  /** The kept request's port, or `undefined` when a stranger has taken it since. */
  const claimKept = async (port: number): Promise<ClaimedPort | undefined> => {
    try {
      return await listener.claim([port], (response) => onCallback(response));
    } catch (error) {
      if (isAccessError(error, 'callback_port_unavailable')) return undefined;
      throw error;
    }
  };

  const follow = (pending: CodePending, claim: ClaimedPort, mine: boolean): SignIn => {
    const outcome = waitForSession(pending, claim).finally(async () => {
      if (await othersNeed(claim)) void lookAfterOthers(claim);
      else await claim.release();
    });
    outcome.catch(() => {});
    return {
      resource: pending.resource,
      method: 'authorization_code',
      at: new URL(pending.code.issuer).host,
      authorizationUrl: shownUrl(new URL(pending.code.authorizationUrl)),
      startedAt: pending.startedAt,
      expiresAt: pending.expiresAt,
      mine,
      outcome,
      abandon: (reason) => end(pending, reason),
    };
  };

  /** Whether this process's port is where sign-ins come back to that other processes have begun. */
  const othersNeed = async (claim: ClaimedPort): Promise<boolean> => {
    if (!claim.held()) return false;
    const pendings = await store.list('pending').catch((): PendingSignIn[] => []);
    return pendings.some((each) => isOpen(each) && each.code.port === claim.port);
  };

  /** They count on us, and may have been ended meanwhile; between two holders nobody would answer. */
  const lookAfterOthers = async (claim: ClaimedPort): Promise<void> => {
    while (await othersNeed(claim)) await bell.wait(lookAfterOthersEveryMs);
    await claim.release();
  };

  /** The session may come from this process's callback or from another's: the disk tells. */
  const waitForSession = async (started: CodePending, claim: ClaimedPort): Promise<Session> => {
    const { resource } = started;
    const before = await store.read('session', resource);
    for (;;) {
      const now = await store.read('pending', resource);
      if (now?.code?.state !== started.code.state || now.failure) {
        const session = await store.read('session', resource);
        // Either tells that it is this sign-in's: a clock may be set back amid it.
        const isLater = session && session.obtainedAt >= started.startedAt;
        if (session && (isLater || session.accessToken !== before?.accessToken)) {
          return (await sessions.reread(resource)) ?? session;
        }
        throw now?.failure ? failureOf(now.failure) : new Superseded(started);
      }
      if (!isOpen(now)) {
        const reason = expired(started);
        await end(now as CodePending, reason);
        throw reason;
      }
      if (!claim.held()) await claim.takeOver();
      await bell.wait(lookEveryMs);
    }
  };

  const end = (pending: CodePending, reason: AccessError): Promise<void> =>
    lock.hold(`session ${pending.resource}`, async () => {
      const now = await store.read('pending', pending.resource);
      if (now?.code?.state !== pending.code.state || now.failure) return;
      await fail(now as CodePending, reason);
    });

  const onCallback = async (response: URLSearchParams): Promise<CallbackPage> =>
    (await redeem(response))?.page ?? { status: 'not_ours' };

  return {
    begin,
    redeem,
    async join(keys) {
      for (const key of keys) {
        const kept = await store.read('pending', key);
        if (!isOpen(kept)) continue;
        const claim = await claimKept(kept.code.port);
        if (claim) return follow(kept, claim, false);
      }
      return undefined;
    },
  };
}

/**
 * Whether the kept registration may be why the last sign-in did not end well: the server said so, or
 * the callback never came, which may be due to a refusal on a page that only the person saw.
 */
function isRegistrationInDoubt(kept: PendingSignIn | undefined, force: boolean): boolean {
  if (kept?.code === undefined) return false;
  return kept.failure ? kept.failure.code === 'registration_rejected' : force;
}
