/**
 * Sessions: looked up, refreshed once, kept and ended. The rules of contract §5 live here: a refresh
 * token is spent by one caller in one process, and its successor is on disk before anything uses
 * the new access token.
 */
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
   * The session of the longest prefix that covers `url`, expired or not. `beside`: the one that is kept
   * beside it, for requests with an Authorization of their own.
   */
  find(url: URL, which?: 'beside'): Promise<Session | undefined>;
  /** True when the access token has at least `minTtlMs` to live, by our clock. */
  isFresh(session: Session, minTtlMs?: number): boolean;
  /**
   * A session whose access token is another one than `session`'s: what another process has kept by
   * now, or refreshed. `undefined` when it is over and somebody has to sign in. Throws
   * `temporarily_unavailable` and what the network throws; the session then lives on. When `signal`
   * aborts, the caller leaves and the refresh goes on: its new token must be kept.
   */
  renew(session: Session, signal?: AbortSignal): Promise<Session | undefined>;
  /** What another process has kept in `session`'s place, if it is fresh; asks no server. */
  successor(session: Session): Promise<Session | undefined>;
  /** What is kept for `resource` now, whoever kept it. */
  reread(resource: string): Promise<Session | undefined>;
  /**
   * The same, renewed when it is stale; `undefined` when that cannot be, or has been tried in vain.
   * Throws like `renew`.
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
  /** Whether its issuer or team is still one that the person trusts, with its resource too. */
  readonly isTrusted: (session: Session) => boolean;
}

/** So long at most a call may use what another process has ended. */
const rereadAfterMs = 5_000;
/** A token is refreshed this long before its end, or a tenth of its life before, if that is less. */
const leewayMs = 30_000;
/** How long an authorization server has for knowing this client again. */
const clientDoubtedMs = 1_000;

export function createSessions(parts: SessionsParts): Sessions {
  const { store, lock, clock, fetch, log, isTrusted } = parts;
  /** What this process has used; the disk is asked again when one of these is refused, and now and then. */
  const known = new Map<string, { session: Session; readAt: number }>();
  const know = (session: Session): void =>
    void known.set(session.resource, { session, readAt: clock.now() });
  /** By resource and access token: who has another token refused waits its turn and looks again. */
  const renewals = new Map<string, Promise<Session | undefined>>();
  /** By resource, the last access token that could not be renewed. */
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
    // A clock set back since then says nothing about the token: it is not older than its lifetime.
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

  /** Runs under the lock: nobody else spends this refresh token meanwhile. */
  const spend = async (session: Session, grant: Grant): Promise<Session | undefined> => {
    const { refreshToken } = grant;
    if (refreshToken === undefined) return undefined;
    const { refresh } = await import('../oauth/token.ts');
    const outcome = await refresh(
      serverOf(grant),
      grant.client,
      { refreshToken, resource: grant.resourceIndicator },
      fetch,
      () => clock.sleep(clientDoubtedMs),
    ).catch(async (error: unknown) => {
      // The refresh token is spent, and what came for it is somebody else's.
      if (isAccessError(error, 'token_rejected')) await forget(session.resource);
      throw error;
    });
    if ('refused' in outcome) {
      // Somebody without our lock (an older program, another machine's folder) may have been first.
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
      log('warn', 'a refreshed token does not say whom it is for', { resource: session.resource });
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
        // Who signs out, or signs in as somebody else, does so for all processes.
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
        const { revoke } = await import('../oauth/token.ts');
        const server = serverOf(grant);
        return grant.refreshToken === undefined
          ? revoke(server, grant.client, now.accessToken, 'access_token', fetch)
          : revoke(server, grant.client, grant.refreshToken, 'refresh_token', fetch);
      }),
    list: () => store.list('session'),
  };
}
