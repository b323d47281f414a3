/**
 * What the transfer service delivers: an encrypted `{"app_token":"<jwt>","org_token":"<jwt>"}`. Anybody
 * who knows the public key could have delivered it, so everything in it is verified.
 */
import { AccessError } from '../../errors.ts';
import { type AccessToken, isUntimely, verifyAccessToken } from '../application-token.ts';
import { clockIsWrong } from '../clock-skew.ts';
import type { SigningKeys } from '../signing-keys.ts';
import { BoxError, type TransferKeys } from './box.ts';

export interface TransferredTokens {
  readonly application: AccessToken;
  /** Absent when none was delivered, or none that the application's team issued. */
  readonly organisation?: AccessToken;
}

export interface ExpectedDelivery {
  readonly application: URL;
  readonly audience: string;
  readonly teamDomain: string | undefined;
  readonly now: number;
  /** How far this machine's clock is ahead of the service's, where that is too far. */
  readonly aheadMs?: number | undefined;
}

/**
 * `body`: as received. `senderKey`: the `service-public-key` field. Throws `token_rejected` when it cannot
 * be decrypted or its token is for another application, and what `teamKeys.find` throws.
 */
export async function openDelivery(
  keys: TransferKeys,
  body: string,
  senderKey: string,
  expected: ExpectedDelivery,
  teamKeys: SigningKeys,
): Promise<TransferredTokens> {
  try {
    return await readDelivery(keys.open(body, senderKey), expected, teamKeys);
  } catch (error) {
    if (!(error instanceof BoxError)) throw error;
    throw rejected(expected.application, `what the transfer service delivered ${error.message}`);
  }
}

async function readDelivery(
  plain: Uint8Array,
  expected: ExpectedDelivery,
  teamKeys: SigningKeys,
): Promise<TransferredTokens> {
  let delivery: unknown;
  try {
    delivery = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(plain));
  } catch {
    delivery = undefined;
  }
  const { app_token: appToken, org_token: orgToken } = (delivery ?? {}) as Record<string, unknown>;
  if (typeof appToken !== 'string')
    throw rejected(expected.application, 'the delivery holds no token');
  const application = await verifyAccessToken(appToken, expected, teamKeys);
  if (typeof application === 'string') {
    const aheadMs = isUntimely(application) ? expected.aheadMs : undefined;
    if (aheadMs !== undefined) throw clockIsWrong(expected.application, aheadMs);
    throw rejected(expected.application, `the token delivered ${application}`);
  }
  if (typeof orgToken !== 'string' || orgToken === '') return { application };
  const { audience: _, ...team } = { ...expected, teamDomain: application.teamDomain };
  const organisation = await verifyAccessToken(orgToken, team, teamKeys);
  // Without an org token the person only has to sign in once more at the team's next application.
  return typeof organisation === 'string' ? { application } : { application, organisation };
}

function rejected({ host }: URL, why: string): AccessError {
  return new AccessError(
    'token_rejected',
    `The sign-in to ${host} came back, but ${why}; nothing was kept.`,
    [
      { do: 'sign_in', force: true },
      { when: 'again', do: 'check', whether: 'the URL is the right one' },
    ],
  );
}
