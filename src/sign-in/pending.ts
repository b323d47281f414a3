/** A pending sign-in as stored on disk for every process: whether it is still open, and how it ended. */
import { AccessError } from '../errors.ts';
import type { PendingCode, PendingSignIn } from '../session/records.ts';

/**
 * With `code`, any process can redeem the response; without, only the process that started the sign-in can
 * finish it.
 */
export type PendingCodeSignIn = PendingSignIn & { code: PendingCode };

/** A process that has not renewed `aliveAt` for this long is gone. */
const goneAfterMs = 15_000;

export function isOpenAt(
  pending: PendingSignIn | undefined,
  now: number,
): pending is PendingSignIn {
  if (pending === undefined || pending.failure || now >= pending.expiresAt) return false;
  const { code, startedAt, expiresAt, aliveAt } = pending;
  if (code === undefined) return Math.abs(now - aliveAt) < goneAfterMs;
  // A start further in the future than a sign-in lasts means that the clock has been set back.
  return now > startedAt - (expiresAt - startedAt);
}

export function isSameSignIn(one: PendingSignIn, other: PendingSignIn | undefined): boolean {
  if (other === undefined) return false;
  return one.code || other.code
    ? one.code?.state === other.code?.state
    : one.startedAt === other.startedAt;
}

/** The record of a sign-in that ended without a session, so that every waiting process learns why. */
export function failed<P extends PendingSignIn>(
  pending: P,
  { code, message, nextStep }: AccessError,
): P {
  return { ...pending, failure: { code, message, nextStep } };
}

/** Why a sign-in that is no longer open failed. */
export function endOf({ code, resource, startedAt, expiresAt }: PendingSignIn): AccessError {
  const { host } = new URL(resource);
  return code === undefined
    ? new AccessError(
        'sign_in_expired',
        `The process that started the sign-in for ${host} is gone.`,
        [{ do: 'sign_in' }],
      )
    : new AccessError(
        'sign_in_expired',
        `Nobody finished the sign-in for ${host} within ${durationWords(expiresAt - startedAt)}.`,
        [{ when: 'ready', do: 'sign_in' }],
      );
}

export function durationWords(milliseconds: number): string {
  const minutes = Math.max(1, Math.round(milliseconds / 60_000));
  if (minutes === 1) return 'one minute';
  return minutes === 60 ? 'one hour' : `${minutes} minutes`;
}
