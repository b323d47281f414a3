/** The credential to send to a URL before any guard has asked for one. */

import type { Abortable } from '../abortable.ts';
import { teamOfIssuer } from '../cloudflare/team.ts';
import type { Clock } from '../session/ports.ts';
import type { Session } from '../session/records.ts';
import { type ResourceCredential, sessionCredential } from '../session/resource-credential.ts';
import { keysCovering } from '../session/resource-key.ts';
import type { Sessions } from '../session/sessions.ts';
import type { GrantedTokens } from './service-tokens/granted.ts';

export interface Credentials {
  /**
   * The service token in use at `url`, else its session (refreshed where possible when it has less
   * than `minTtlMs` to live), else cloudflared's token. Throws what `renew` throws.
   */
  find(url: URL, minTtlMs?: number, signal?: Abortable): Promise<ResourceCredential | undefined>;
  /** What `find` gives where no request is needed for it. */
  ready(url: URL, minTtlMs?: number): Promise<ResourceCredential | undefined>;
  /**
   * What `find` gives for a request with an Authorization of its own: in the place of Access's OAuth token, which
   * travels in that field, the application's JWT that is kept beside it, if there is one.
   */
  findBeside(url: URL, signal?: Abortable): Promise<ResourceCredential | undefined>;
  /**
   * Identifies the holder of the credential that a request to `url` would carry now; empty for none. Sends
   * nothing.
   */
  identity(url: URL): Promise<string>;
  /** Remembers cloudflared's token in this process; sessions and service tokens are stored elsewhere. */
  remember(credential: ResourceCredential): void;
  forget(resource: string): void;
}

/** cloudflared's token, which cannot be refreshed, is not sent in its last seconds. */
const leewayMs = 5_000;

export function createCredentials({
  clock,
  sessions,
  granted,
}: {
  readonly clock: Clock;
  readonly sessions: Sessions;
  readonly granted: GrantedTokens;
}): Credentials {
  /** The same session is found again and again, and a credential's identity takes a hash. */
  const made = new WeakMap<Session, ResourceCredential>();
  const credentialOf = (session: Session): ResourceCredential => {
    const credential = made.get(session) ?? sessionCredential(session);
    made.set(session, credential);
    return credential;
  };
  /** By resource. */
  const fromCloudflared = new Map<string, ResourceCredential>();
  const cloudflaredFor = (url: URL): ResourceCredential | undefined => {
    const key = keysCovering(url).find((each) => fromCloudflared.has(each));
    return key === undefined ? undefined : fromCloudflared.get(key);
  };
  const isFresh = (session: Session, minTtlMs: number): boolean =>
    sessions.isFresh(session, session.grant?.refreshToken === undefined ? 0 : minTtlMs);
  const ready: Credentials['ready'] = async (url, minTtlMs = 0) => {
    const serviceToken = granted.find(url);
    if (serviceToken) return serviceToken;
    const session = await sessions.find(url);
    return session && isFresh(session, minTtlMs) ? credentialOf(session) : undefined;
  };
  const find: Credentials['find'] = async (url, minTtlMs = 0, signal) => {
    const serviceToken = granted.find(url);
    if (serviceToken) return serviceToken;
    const session = await sessions.find(url);
    if (session) {
      if (isFresh(session, minTtlMs)) return credentialOf(session);
      const renewed = await sessions.renew(session, signal);
      if (renewed) return credentialOf(renewed);
    }
    const token = cloudflaredFor(url);
    if (token?.expiresAt === undefined) return token;
    return token.expiresAt - clock.now() > leewayMs + minTtlMs ? token : undefined;
  };
  return {
    find,
    ready,
    async findBeside(url, signal) {
      const isInUse = granted.find(url) !== undefined;
      const session = isInUse ? undefined : await sessions.find(url);
      const issuer = session?.grant?.issuer;
      const isOfAccess = issuer !== undefined && teamOfIssuer(new URL(issuer)) !== undefined;
      if (isInUse || (session && !isOfAccess)) return find(url, 0, signal);
      const beside = await sessions.find(url, 'beside');
      if (beside && sessions.isFresh(beside)) return credentialOf(beside);
      return session ? undefined : find(url, 0, signal);
    },
    async identity(url) {
      const serviceToken = granted.find(url);
      if (serviceToken) return serviceToken.identity;
      const session = await sessions.find(url);
      return (session ? credentialOf(session) : cloudflaredFor(url))?.identity ?? '';
    },
    remember(credential) {
      if (credential.method !== 'cloudflared') return;
      fromCloudflared.set(credential.resource, credential);
    },
    forget: (resource) => void fromCloudflared.delete(resource),
  };
}
