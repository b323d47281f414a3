/** Waiting for a person: showing them the sign-in once, and telling the caller while it lasts. */
import { AccessError, isAccessError } from '../errors.ts';
import type { Clock } from '../session/ports.ts';
import type { Session } from '../session/records.ts';
import { type SignIn, unexpected, whereToEnter } from './sign-in.ts';

/**
 * `shown`: a browser has it, or the person has read it. `declined`: the person said no. `unavailable`:
 * they could not be asked. `later`: they are asked once the caller has answered, and it will call again.
 */
export type Shown = 'shown' | 'declined' | 'unavailable' | 'later';

/**
 * `url`: what to open; absent where nothing may be opened for the person, who is only told the message.
 * `done` resolves when the sign-in has ended, one way or the other.
 */
export interface AskPerson {
  (request: { url: URL | undefined; message: string; done: Promise<void> }): Promise<Shown>;
  /** True when an earlier call had the person asked about this address: what they said is known. */
  readonly hasAnswered?: (url: URL) => boolean;
}

export interface WaitOptions {
  /** Milliseconds. */
  readonly waitMs: number;
  /** What is left of the whole call; the person gets three quarters of it, if that is less. */
  readonly leftMs?: () => number;
  readonly askPerson: AskPerson;
  readonly signal?: AbortSignal | undefined;
  /** Called every few seconds, with words for the person. */
  readonly onWaiting?: ((message: string, elapsedMs: number) => void) | undefined;
}

export type Waited =
  | { readonly session: Session }
  /** `shown` is false when no browser could be opened: the person needs the URL. */
  | { readonly session?: undefined; readonly shown: boolean };

const tellEveryMs = 5_000;

/** Throws what the sign-in ends with, and `cancelled`; the sign-in goes on when the caller leaves. */
export async function waitForPerson(
  signIn: SignIn,
  clock: Clock,
  { waitMs, askPerson, signal, onWaiting }: WaitOptions,
): Promise<Waited> {
  const startedAt = clock.now();
  let shown = true;
  let waits = true;
  const noneToWaitFor = new Promise<void>((resolve, reject) => {
    const { mine, authorizationUrl, userCode } = signIn;
    if (authorizationUrl === undefined && userCode === undefined) return;
    const isAnswered =
      authorizationUrl !== undefined && askPerson.hasAnswered?.(new URL(authorizationUrl));
    if (!mine && !isAnswered) return;
    show(signIn, askPerson).then((answer) => {
      if (answer !== 'unavailable' && answer !== 'later') return;
      shown = answer === 'later';
      waits = false;
      resolve();
    }, reject);
  });
  const left = new AbortController();
  const until = signal ? AbortSignal.any([signal, left.signal]) : left.signal;
  // A host that shows progress shows the code at once; the address alone is of no use.
  if (signIn.userCode !== undefined) onWaiting?.(waitingWords(signIn, 0), 0);
  try {
    for (;;) {
      const leftMs = waits ? waitMs - (clock.now() - startedAt) : 0;
      const next = await Promise.race([
        signIn.outcome,
        noneToWaitFor,
        // One that has ended already is told even where there is no time to wait.
        leftMs > 0 ? clock.sleep(Math.min(tellEveryMs, leftMs), until) : undefined,
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
      // It stays open for the other processes; what the person said holds for this call all the same.
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
