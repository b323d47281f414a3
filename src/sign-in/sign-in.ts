/**
 * A sign-in under way, whatever its method: what the person is shown, and the session it ends in.
 * It outlives the call that started it; later calls join it.
 */
import { AccessError } from '../errors.ts';
import type { Step } from '../next-step.ts';
import { quoteServerText } from '../server-text.ts';
import type { PendingSignIn, PersonMethod, Session } from '../session/records.ts';
import type { ShownUrl } from '../shown-url.ts';

export interface SignIn {
  /** The key of the session to be. */
  readonly resource: string;
  readonly method: PersonMethod;
  /** Who signs the person in, for words such as "Waiting for the sign-in at …". */
  readonly at: string;
  /**
   * What the browser opens. Absent when another process has it open and its URL is a secret, and for a
   * device code whose address is not the authorization server's own: that one is never opened.
   */
  readonly authorizationUrl?: ShownUrl;
  readonly userCode?: string;
  readonly verificationUri?: ShownUrl;
  readonly startedAt: number;
  readonly expiresAt: number;
  /** True for the one who has to show it to the person; false for those who join. */
  readonly mine: boolean;
  /** Rejects with an AccessError; never unhandled. */
  readonly outcome: Promise<Session>;
  /** Ends it, here and for every process that waits for it. */
  abandon(reason: AccessError): Promise<void>;
}

/** Where a device code is entered: another host's address is told as the server's words alone. */
export function whereToEnter({
  at,
  authorizationUrl,
  verificationUri = '' as ShownUrl,
}: Pick<SignIn, 'at' | 'authorizationUrl' | 'verificationUri'>): string {
  if (authorizationUrl !== undefined) return verificationUri;
  return `the address that ${at} names, which is another host’s and was not opened: ${quoteServerText(verificationUri)},`;
}

/** `join`: the URL to sign in to again; absent where the same call joins it. */
export function finishSignIn(
  signIn: SignIn,
  how: { readonly opened?: boolean; readonly join?: string } = {},
): Step {
  const { authorizationUrl, userCode, method, expiresAt } = signIn;
  return {
    do: 'finish_sign_in',
    ...(userCode === undefined ? {} : { code: { userCode, at: whereToEnter(signIn) } }),
    ...(userCode !== undefined || authorizationUrl === undefined
      ? {}
      : { address: authorizationUrl }),
    comesBack: method === 'authorization_code',
    until: new Date(expiresAt).toISOString(),
    ...how,
  };
}

/** One that somebody has finished while the caller was on its way to begin it. */
export function finishedSignIn(session: Session, at: string): SignIn {
  const { resource, method, obtainedAt } = session;
  return {
    resource,
    method,
    at,
    startedAt: obtainedAt,
    expiresAt: obtainedAt,
    mine: false,
    outcome: Promise.resolve(session),
    abandon: async () => {},
  };
}

/** Somebody has started another sign-in for the same resource: who waits for this one can join that. */
export class Superseded extends AccessError {
  constructor({ resource }: Pick<SignIn, 'resource'>) {
    super(
      'sign_in_expired',
      `Another sign-in for ${new URL(resource).host} was started in place of this one.`,
      [{ do: 'sign_in', join: true }],
    );
  }
}

/** The error that a sign-in ended with, as another process has kept it. */
export function failureOf({
  code,
  message,
  nextStep,
}: NonNullable<PendingSignIn['failure']>): AccessError {
  return new AccessError(code, message, nextStep);
}

export function unexpected(error: unknown): AccessError {
  return new AccessError(
    'internal_error',
    `The sign-in failed inside this program (${error instanceof Error ? error.name : 'unknown'}).`,
    [{ do: 'sign_in' }, { when: 'again', do: 'report_bug' }],
    { cause: error },
  );
}
