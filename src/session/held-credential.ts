/** What this machine holds for a URL: the credential, and where it comes from. */
import { createHash } from 'node:crypto';
import { readJwt } from '../cloudflare/jwt.ts';
import type { Credential } from '../secrets/credential.ts';
import type { PersonMethod, Session } from './records.ts';

export type Method = PersonMethod | 'cloudflared' | 'service_token';

export interface Held {
  readonly credential: Credential;
  readonly method: Method;
  readonly resource: string;
  /** Whose it is: the same before and after a refresh, another one when somebody else has signed in. */
  readonly identity: string;
  /** Milliseconds since the epoch; absent when nobody said. */
  readonly expiresAt?: number;
  /** The session behind it, for those that are kept. */
  readonly session?: Session;
}

export function heldSession(session: Session): Held {
  const { accessToken, method, resource, expiresAt, signedInAt = session.obtainedAt } = session;
  return {
    credential: session.grant
      ? { kind: 'oauth', accessToken }
      : { kind: 'cf_access_token', jwt: accessToken },
    method,
    resource,
    identity: identityOf(method, resource, String(signedInAt)),
    ...(expiresAt === undefined ? {} : { expiresAt }),
    session,
  };
}

/** The service token, in the part of an origin that asked for it. */
export function heldPair(resource: string, credential: Credential): Held {
  const client = credential.kind === 'service_token' ? credential.clientId : '';
  return {
    credential,
    method: 'service_token',
    resource,
    identity: identityOf('service_token', resource, client),
  };
}

/** A token of cloudflared's: whose it is, it says itself. */
export function heldLoan({
  jwt,
  resource,
  expiresAt,
}: {
  readonly jwt: string;
  readonly resource: string;
  readonly expiresAt: number;
}): Held {
  const { sub, email } = readJwt(jwt)?.claims ?? {};
  const who = sub === undefined && email === undefined ? jwt : JSON.stringify([sub, email]);
  return {
    credential: { kind: 'cf_access_token', jwt },
    method: 'cloudflared',
    resource,
    identity: identityOf('cloudflared', resource, who),
    expiresAt,
  };
}

function identityOf(...parts: readonly string[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('base64url');
}
