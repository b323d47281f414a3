/**
 * Looks sessions up, refreshes, stores and ends them, by the rules of contract §5: a refresh token is
 * spent only once, by one process, and its successor is on disk before the new access token is used.
 */
import type { Abortable } from '../abortable.ts';
import { isAccessError } from '../errors.ts';
import type { ProtocolFetch } from '../http/protocol-fetch.ts';
import { untilAborted } from '../http/waiting/within.ts';
import type { Log } from '../log.ts';
import { serverOf } from './grant-server.ts';
import type { Clock, Lock, RecordStore } from './ports.ts';
import type { Grant, Session } from './records.ts';
import { besideKey, keysCovering } from './resource-key.ts';
import { isSameSignIn, sessionFrom } from './session-from.ts';

export interface Sessions {
  /**
   * The session of the longest resource that covers `url`, expired or not. `beside`: the one that is kept
   * beside it, for requests with an Authorization of their own.
   */
  find(url: URL, which?: 'beside'): Promise<Session | undefined>;
  /** True when the access token has at least `minTtlMs` to live, by our clock. */
  isFresh(session: Session, minTtlMs?: number): boolean;
  /**
   * A session with a newer access token than `session`'s: what another process has stored meanwhile, or
   * the result of a refresh. `undefined` when the session is over and the person has to sign in again.
   * Throws `temporarily_unavailable` and what the network throws, without ending the session. When
   * `signal` aborts, only the caller stops waiting: the refresh goes on, because its new token must be
   * stored.
   */
  renew(session: Session, signal?: Abortable): Promise<Session | undefined>;
  /** Resolves when no refresh is under way here, however those that were have ended. */
  renewalsEnded(): Promise<void>;
  /** What another process has stored in place of `session`, if it is fresh. Sends no request. */
  successor(session: Session): Promise<Session | undefined>;
  /** What is on disk for `resource` now, whichever process stored it. */
  reread(resource: string): Promise<Session | undefined>;
  /**
   * The same, renewed when it is stale; `undefined` when it cannot be renewed or an earlier attempt has
   * failed. Throws like `renew`.
   */
  usable(resource: string): Promise<Session | undefined>;
  save(session: Session): Promise<void>;
  /** Forgets what the sign-in behind `session` has given, whoever has refreshed it since. */
  giveUp(session: Session): Promise<void>;
  /** Revokes at the server (RFC 7009) and removes. False when the server offers no revocation. */
  leave(session: Session): Promise<boolean>;
  list(): Promise<Session[]>;
}

export interface SessionsParts {
  readonly store: RecordStore;
  readonly lock: Lock;
  readonly clock: Clock;
  readonly fetch: ProtocolFetch;
  readonly log: Log;
  /** Whether the person (still) trusts its issuer or team for its resource. */
  readonly isTrusted: (session: Session) => boolean;
}

/** How long a call may go on using a session that another process has ended. */
const rereadAfterMs = 5_000;
/**
 * A token is refreshed this long before it expires, or a tenth of its lifetime before, whichever is less.
 */
const leewayMs = 30_000;

export function createSessions(parts: SessionsParts): Sessions {
  const { store, lock, clock, fetch, log, isTrusted } = parts;
  /**
   * Sessions that this process has used. They are read from disk again when one is refused, and every few
   * seconds.
   */
  const known = new Map<string, { session: Session; readAt: number }>();
  const know = (session: Session): void =>
    void known.set(session.resource, { session, readAt: clock.now() });
  /** Renewals in progress, by resource and access token, so that each token is renewed once. */
  const renewals = new Map<string, Promise<Session | undefined>>();
  /** By resource: the last access token that could not be renewed. */
  const over = new Map<string, string>();

  const read = async (resource: string): Promise<Session | undefined> => {
    const session = await store.read('session', resource);
    if (session === undefined || session.resource !== resource || !isTrusted(session)) {
      known.delete(resource);
      return undefined;
    }
    know(session);
    return session;
  };

  const save = async (session: Session): Promise<void> => {
    await store.write('session', session.resource, session);
    know(session);
  };

  const forget = async (resource: string): Promise<void> => {
    known.delete(resource);
    await store.remove('session', resource);
  };

  const isFresh = ({ obtainedAt, expiresAt }: Session, minTtlMs = 0): boolean => {
    if (expiresAt === undefined) return true;
    const now = clock.now();
    // A clock that has been set back says nothing about the token's age: treat it as stale.
    if (now < obtainedAt - leewayMs) return false;
    const leeway = Math.min(leewayMs, (expiresAt - obtainedAt) / 10);
    return expiresAt - now > Math.max(leeway, minTtlMs);
  };

  const successor: Sessions['successor'] = async (session) => {
    const now = await read(session.resource);
    return now && isSuccessor(now, session) ? now : undefined;
  };

  const isSuccessor = (now: Session, session: Session): boolean =>
    now.accessToken !== session.accessToken && isFresh(now);

  /** Runs under the lock, so that nobody else spends this refresh token meanwhile. */
  const spend = async (session: Session, grant: Grant): Promise<Session | undefined> => {
    const { refreshToken } = grant;
    if (refreshToken === undefined) return undefined;
    const { clientDoubtedMs, refresh } = await import('../oauth/token.ts');
    const outcome = await refresh(
      serverOf(grant),
      grant.client,
      { refreshToken, resource: grant.resourceIndicator },
      fetch,
      () => clock.sleep(clientDoubtedMs),
    ).catch(async (error: unknown) => {
      // The refresh token is spent, and the new access token is for another resource.
      if (isAccessError(error, 'token_rejected')) await forget(session.resource);
      throw error;
    });
    if ('refused' in outcome) {
      // A program that does not share our lock (an older version, another machine on a shared folder) may
      // have refreshed first.
      const now = await successor(session);
      if (now) return now;
      log('info', 'the grant is over', { resource: session.resource, refused: outcome.refused });
      if (outcome.refused === 'client') {
        const { forgetRegistration } = await import('./registrations.ts');
        await forgetRegistration({ store, lock }, grant);
      }
      await forget(session.resource);
      return undefined;
    }
    const renewed = sessionFrom(session, { ...grant, refreshToken }, outcome, clock.now());
    if (!isTrusted(renewed)) {
      log('warn', 'the response to a refresh does not name the resource of its token', {
        resource: session.resource,
      });
      await forget(session.resource);
      return undefined;
    }
    await save(renewed);
    return renewed;
  };

  const renewOnce = (session: Session): Promise<Session | undefined> =>
    lock.hold(`session ${session.resource}`, async () => {
      const now = await read(session.resource);
      if (now === undefined) return undefined;
      if (isSuccessor(now, session)) return now;
      const renewed = now.grant && (await spend(now, now.grant));
      if (!renewed) over.set(now.resource, now.accessToken);
      return renewed;
    });

  const renewal = (session: Session): Promise<Session | undefined> => {
    const key = `${session.resource} ${session.accessToken}`;
    const running = renewals.get(key);
    if (running) return running;
    const begun = renewOnce(session).finally(() => renewals.delete(key));
    renewals.set(key, begun);
    return begun;
  };

  const renew: Sessions['renew'] = (session, signal) =>
    untilAborted(renewal(session), signal, new URL(session.resource));

  return {
    async find(url, which) {
      const keys = which === 'beside' ? keysCovering(url).map(besideKey) : keysCovering(url);
      for (const key of keys) {
        const used = known.get(key);
        if (used === undefined) continue;
        const now = clock.now();
        if (Math.abs(now - used.readAt) < rereadAfterMs) return used.session;
        // Signing out, or in as somebody else, takes effect in all processes.
        used.readAt = now;
        const session = await read(key);
        if (session) return session;
      }
      for (const key of keys) {
        const session = await read(key);
        if (session) return session;
      }
      return undefined;
    },
    isFresh,
    renew,
    async renewalsEnded() {
      await Promise.allSettled(renewals.values());
    },
    successor,
    reread: read,
    async usable(resource) {
      const now = await read(resource);
      if (now === undefined || over.get(resource) === now.accessToken) return undefined;
      return isFresh(now) ? now : renew(now);
    },
    save,
    giveUp: (session) =>
      lock.hold(`session ${session.resource}`, async () => {
        const now = await read(session.resource);
        if (now && isSameSignIn(now, session)) await forget(session.resource);
      }),
    leave: (session) =>
      lock.hold(`session ${session.resource}`, async () => {
        const now = (await read(session.resource)) ?? session;
        const { grant } = now;
        await forget(session.resource);
        if (!grant) return false;
        const { revoke } = await import('../oauth/revocation.ts');
        const server = serverOf(grant);
        return grant.refreshToken === undefined
          ? revoke(server, grant.client, now.accessToken, 'access_token', fetch)
          : revoke(server, grant.client, grant.refreshToken, 'refresh_token', fetch);
      }),
    list: () => store.list('session'),
  };
}
