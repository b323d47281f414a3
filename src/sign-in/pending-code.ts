/** A sign-in by authorization code that waits for its response: when it is open, and how it ends. */
import { AccessError } from '../errors.ts';
import type { PendingCode, PendingSignIn } from '../session/records.ts';
import { signInLifetimeMs } from './sign-in.ts';

export type CodePending = PendingSignIn & { code: PendingCode };

export function isOpenAt(pending: PendingSignIn | undefined, now: number): pending is CodePending {
  if (pending?.code === undefined || pending.failure !== undefined) return false;
  // A clock set back by more than a sign-in's life says that this one is from another time.
  return now < pending.expiresAt && now > pending.startedAt - signInLifetimeMs;
}

export function expired({ resource }: PendingSignIn): AccessError {
  return new AccessError(
    'sign_in_expired',
    `Nobody finished the sign-in for ${new URL(resource).host} within ten minutes.`,
    'Call authenticate again when the person is there.',
  );
}
