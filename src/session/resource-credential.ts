/** A credential together with the resource it was obtained for and how it was obtained. */
import { readJwt } from '../cloudflare/jwt.ts';
import type { Credential } from '../secrets/credential.ts';
import { sha256 } from '../sha256.ts';
import type { PersonMethod, Session } from './records.ts';

export type Method = PersonMethod | 'cloudflared' | 'service_token';

export interface ResourceCredential {
  readonly credential: Credential;
  readonly method: Method;
  readonly resource: string;
  /** Identifies the holder: unchanged by a refresh, different after another sign-in. */
  readonly identity: string;
  /** Milliseconds since the epoch; absent when unknown. */
  readonly expiresAt?: number;
  /** The stored session that it comes from, if any. */
  readonly session?: Session;
}

export function sessionCredential(session: Session): ResourceCredential {
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

/** The service token, for the application whose guard asked for it. */
export function serviceTokenCredential(
  resource: string,
  credential: Credential,
): ResourceCredential {
  const client = credential.kind === 'service_token' ? credential.clientId : '';
  return {
    credential,
    method: 'service_token',
    resource,
    identity: identityOf('service_token', resource, client),
  };
}

/** cloudflared's token, identified by its `sub` and `email` claims. */
export function cloudflaredCredential({
  jwt,
  resource,
  expiresAt,
}: {
  readonly jwt: string;
  readonly resource: string;
  readonly expiresAt: number;
}): ResourceCredential {
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
  return sha256(JSON.stringify(parts)).toString('base64url');
}
