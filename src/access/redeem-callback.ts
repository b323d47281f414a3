/** Completes a sign-in with the callback address that the person's browser could not load. */
import { AccessError } from '../errors.ts';
import { type ResourceCredential, sessionCredential } from '../session/resource-credential.ts';
import { keysCovering } from '../session/resource-key.ts';
import type { Sessions } from '../session/sessions.ts';
import type { Redemption } from '../sign-in/redemption.ts';
import type { Credentials } from './credentials.ts';

/**
 * Throws the error that the sign-in ended with, and `sign_in_expired` when no sign-in is waiting for
 * `callback`.
 */
export type RedeemCallback = (url: URL, callback: URLSearchParams) => Promise<ResourceCredential>;

export function createRedeemCallback({
  redeem,
  credentials,
  sessions,
}: {
  readonly redeem: Redemption['redeem'];
  readonly credentials: Pick<Credentials, 'find'>;
  readonly sessions: Pick<Sessions, 'reread'>;
}): RedeemCallback {
  return async (url, callback) => {
    const keys = keysCovering(url);
    const redeemed = await redeem(callback, (resource) => keys.includes(resource));
    if (redeemed?.reason) throw redeemed.reason;
    // When the address is pasted twice, or the browser could load it after all, the session exists
    // already.
    const found = redeemed ? await firstStored(keys) : await credentials.find(url);
    if (found) return found;
    throw new AccessError(
      'sign_in_expired',
      `No sign-in for ${url.host} is waiting for that address.`,
      [{ do: 'paste_callback' }, { when: 'ended', do: 'sign_in' }],
    );
  };

  async function firstStored(keys: readonly string[]): Promise<ResourceCredential | undefined> {
    for (const key of keys) {
      const session = await sessions.reread(key);
      if (session) return sessionCredential(session);
    }
    return undefined;
  }
}
