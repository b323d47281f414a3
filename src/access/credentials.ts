/** What can be sent to a URL right now, without a challenge and without asking anyone. */

import { type Held, heldSession } from '../session/held-credential.ts';
import type { Clock } from '../session/ports.ts';
import { keysCovering } from '../session/resource-key.ts';
import type { Sessions } from '../session/sessions.ts';
import type { ServiceTokens } from './service-tokens.ts';

export interface Credentials {
  /**
   * At most one, of `url`'s own: the service token in use there, else its session (refreshed,
   * where it can be, when it has less than `minTtlMs` to live), else a borrowed token. Throws what
   * `renew` throws.
   */
  held(url: URL, minTtlMs?: number, signal?: AbortSignal): Promise<Held | undefined>;
  /** Whose credential a request to `url` would carry as things stand; empty for nobody's. Asks nobody. */
  identity(url: URL): Promise<string>;
  /** Remembers a borrowed token for this process; sessions and service tokens keep themselves. */
  remember(held: Held): void;
  forget(resource: string): void;
}

/** A borrowed token is not sent in its last seconds. */
const leewayMs = 5_000;

export function createCredentials({
  clock,
  sessions,
  serviceTokens,
}: {
  readonly clock: Clock;
  readonly sessions: Sessions;
  readonly serviceTokens: ServiceTokens;
}): Credentials {
  const borrowed = new Map<string, Held>();
  const loanFor = (url: URL): Held | undefined => {
    const key = keysCovering(url).find((each) => borrowed.has(each));
    return key === undefined ? undefined : borrowed.get(key);
  };
  return {
    async held(url, minTtlMs = 0, signal) {
      const pair = serviceTokens.inUse(url);
      if (pair) return pair;
      const session = await sessions.find(url);
      if (session) {
        const wantedMs = session.grant?.refreshToken === undefined ? 0 : minTtlMs;
        if (sessions.isFresh(session, wantedMs)) return heldSession(session);
        const renewed = await sessions.renew(session, signal);
        if (renewed) return heldSession(renewed);
      }
      const held = loanFor(url);
      if (held?.expiresAt === undefined || held.expiresAt - clock.now() > leewayMs + minTtlMs) {
        return held;
      }
      return undefined;
    },
    async identity(url) {
      const pair = serviceTokens.inUse(url);
      if (pair) return pair.identity;
      const session = await sessions.find(url);
      return (session ? heldSession(session) : loanFor(url))?.identity ?? '';
    },
    remember(held) {
      if (held.method === 'cloudflared') borrowed.set(held.resource, held);
    },
    forget: (resource) => void borrowed.delete(resource),
  };
}
