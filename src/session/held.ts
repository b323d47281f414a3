/** What this machine holds for a URL: the credential, and where it comes from. */
import type { Credential } from '../http/credential.ts';
import type { PersonMethod, Session } from './records.ts';

export type Method = PersonMethod | 'cloudflared' | 'service_token';

export interface Held {
  readonly credential: Credential;
  readonly method: Method;
  readonly resource: string;
  /** Milliseconds since the epoch; absent when nobody said. */
  readonly expiresAt?: number;
  /** The session behind it, for those that are kept. */
  readonly session?: Session;
}

export function heldSession(session: Session): Held {
  const { accessToken, method, resource, expiresAt } = session;
  return {
    credential: session.grant
      ? { kind: 'oauth', accessToken }
      : { kind: 'cf_access_token', jwt: accessToken },
    method,
    resource,
    ...(expiresAt === undefined ? {} : { expiresAt }),
    session,
  };
}

/** The service token, in the part of an origin that asked for it. */
export function heldPair(resource: string, credential: Credential): Held {
  return { credential, method: 'service_token', resource };
}
