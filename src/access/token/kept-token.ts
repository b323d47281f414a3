/**
 * The token of a credential that is there already, for programs that make their own requests. Sends
 * nothing.
 */
import { type Credential, credentialFields } from '../../secrets/credential.ts';
import type { ResourceCredential } from '../../session/resource-credential.ts';
import type { Sessions } from '../../session/sessions.ts';

export interface GivenToken {
  readonly resource: string;
  /** `Authorization` or `cf-access-token`. */
  readonly header: string;
  readonly value: string;
  readonly expiresAt?: number;
}

/** `undefined` where there is none, or where the application has to be asked for a longer one. */
export function keptToken(
  current: ResourceCredential | undefined,
  minTtlMs: number,
  { isFresh }: Pick<Sessions, 'isFresh'>,
): GivenToken | undefined {
  if (current === undefined || current.credential.kind === 'service_token') return undefined;
  // An application's JWT is renewed with the team's organisation token, which requires probing the URL.
  const endsTooSoon =
    current.method === 'browser_transfer' &&
    current.session !== undefined &&
    !isFresh(current.session, minTtlMs);
  return endsTooSoon ? undefined : given(current, current.credential);
}

export function given(
  { resource, expiresAt }: { resource: string; expiresAt?: number },
  credential: Credential,
): GivenToken {
  const [field] = credentialFields(credential);
  if (field === undefined || credential.kind === 'service_token') {
    throw new Error('a service token is never given out');
  }
  return {
    resource,
    header: credential.kind === 'oauth' ? 'Authorization' : field[0],
    value: field[1],
    ...(expiresAt === undefined ? {} : { expiresAt }),
  };
}
