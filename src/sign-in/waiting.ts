/** Waits for a person: shows them the sign-in once, and reports progress to the caller. */
import { type Abortable, Ending } from '../abortable.ts';
import { AccessError, isAccessError } from '../errors.ts';
import { firstOf } from '../http/waiting/first-of.ts';
import type { Clock } from '../session/ports.ts';
import type { Session } from '../session/records.ts';
import { type SignIn, unexpected, whereToEnter } from './sign-in.ts';

/**
 * `shown`: a browser was opened, or the person has seen the address. `declined`: the person said no.
 * `unavailable`: the person could not be reached. `later`: the host shows it after this call has returned,
 * and then calls again.
 */
export type Shown = 'shown' | 'declined' | 'unavailable' | 'later';

/**
 * `url`: what to open; absent when nothing may be opened and the person is only shown the message. `done`
 * resolves when the sign-in has ended, with or without a session.
 */
export interface AskPerson {
  (request: { url: URL | undefined; message: string; done: Promise<void> }): Promise<Shown>;
  /**
   * True when the host has shown this address to the person after an earlier call, so that their answer is
   * known.
   */
  readonly hasAnswered?: (url: URL) => boolean;
}

export interface WaitOptions {
  /** Milliseconds. */
  readonly waitMs: number;
  /**
   * Milliseconds left of the whole call. At most three quarters of them are spent waiting for the person.
   */
  readonly leftMs?: () => number;
  readonly askPerson: AskPerson;
  readonly signal?: Abortable | undefined;
  /** Called every few seconds, with a message for the person. */
  readonly onWaiting?: ((message: string, elapsedMs: number) => void) | undefined;
  /** Called when the sign-in was begun elsewhere and this process, too, can receive its end. */
  readonly onJoined?: ((signIn: SignIn) => void) | undefined;
}

export type Waited =
  | { readonly session: Session }
  /** `shown` is false when no browser could be opened, so the person needs the URL. */
  | { readonly session?: undefined; readonly shown: boolean };

const tellEveryMs = 5_000;

/**
 * Throws the error that the sign-in ends with, and `cancelled`; the sign-in stays open when the caller
 * leaves.
 */
export async function waitForPerson(
  signIn: SignIn,
  clock: Clock,
  { waitMs, askPerson, signal, onWaiting, onJoined }: WaitOptions,
): Promise<Waited> {
  const startedAt = clock.now();
  let shown = true;
  let waits = true;
  const noneToWaitFor = new Promise<void>((resolve, reject) => {
    const { mine, authorizationUrl, userCode, expiresAt } = signIn;
    if (authorizationUrl === undefined && userCode === undefined) {
      // One that another call has just finished is over already.
      if (!mine && clock.now() < expiresAt) onJoined?.(signIn);
      return;
    }
    const isAnswered =
      authorizationUrl !== undefined && askPerson.hasAnswered?.(new URL(authorizationUrl));
    if (!mine && !isAnswered) return onJoined?.(signIn);
    show(signIn, askPerson).then((answer) => {
      if (answer !== 'unavailable' && answer !== 'later') return;
      shown = answer === 'later';
      waits = false;
      resolve();
    }, reject);
  });
  const left = new Ending();
  const until = firstOf(signal, left);
  // Reported at once, so that a host that shows progress shows the code: without it, the address is of no
  // use.
  if (signIn.userCode !== undefined) onWaiting?.(waitingWords(signIn, 0), 0);
  try {
    for (;;) {
      const leftMs = waits ? waitMs - (clock.now() - startedAt) : 0;
      const next = await Promise.race([
        signIn.outcome,
        noneToWaitFor,
        // A sign-in that has already ended is reported even when there is no time to wait.
        leftMs > 0 ? clock.sleep(Math.min(tellEveryMs, leftMs), until.signal) : undefined,
      ]);
      if (next) return { session: next };
      if (leftMs <= 0) return { shown };
      const waitedMs = clock.now() - startedAt;
      onWaiting?.(waitingWords(signIn, waitedMs), waitedMs);
    }
  } catch (error) {
    if (!signal?.aborted) throw error;
    throw new AccessError('cancelled', 'The call was cancelled; the sign-in stays open.', [
      { do: 'sign_in', join: true },
    ]);
  } finally {
    left.abort();
    until.release();
  }
}

function waitingWords(signIn: SignIn, waitedMs: number): string {
  const { at, userCode } = signIn;
  const waiting = `Waiting for the sign-in at ${at}, ${Math.round(waitedMs / 1000)} s`;
  return userCode === undefined
    ? waiting
    : `${waiting}: open ${whereToEnter(signIn)} and enter the code ${userCode}`;
}

async function show(signIn: SignIn, askPerson: AskPerson): Promise<Shown> {
  const { host } = new URL(signIn.resource);
  const done = signIn.outcome.then(
    () => {},
    () => {},
  );
  const message = signIn.userCode
    ? `Sign in to ${host} at ${whereToEnter(signIn)} with the code ${signIn.userCode}.`
    : `Sign in to ${host} at ${signIn.at}.`;
  const { authorizationUrl } = signIn;
  const url = authorizationUrl === undefined ? undefined : new URL(authorizationUrl);
  const answer = await askPerson({ url, message, done }).catch(() => 'unavailable' as const);
  if (answer === 'declined') {
    const declined = new AccessError('sign_in_declined', `The sign-in to ${host} was declined.`, [
      { do: 'avoid_sign_in', why: 'declined' },
    ]);
    await signIn.abandon(declined).catch((error: unknown) => {
      // The sign-in stays open for other processes, but for this call the person's answer is final.
      const why = isAccessError(error) ? error.message : unexpected(error).message;
      throw new AccessError(
        declined.code,
        `${declined.message} The sign-in could not be closed: ${why}`,
        declined.nextStep,
        { cause: error },
      );
    });
  }
  return answer;
}
