/**
 * An open sign-in, whatever its method: what the person is shown, and the session that it ends with. It
 * outlives the call that started it; later calls join it.
 */
import { AccessError } from '../errors.ts';
import type { Step } from '../next-step.ts';
import { quoteServerText } from '../server-text.ts';
import type { PendingSignIn, PersonMethod, Session } from '../session/records.ts';
import type { ShownUrl } from '../shown-url.ts';

export interface SignIn {
  /** The key under which the session will be kept. */
  readonly resource: string;
  readonly method: PersonMethod;
  /** The host that signs the person in, for messages such as "Waiting for the sign-in at …". */
  readonly at: string;
  /**
   * What the browser opens. Absent when another process runs the sign-in and its URL is secret, and for a
   * device code whose address is not on the authorization server's origin, which is never opened.
   */
  readonly authorizationUrl?: ShownUrl;
  readonly userCode?: string;
  readonly verificationUri?: ShownUrl;
  readonly startedAt: number;
  readonly expiresAt: number;
  /** True for the call that has to show it to the person; false for those that join. */
  readonly mine: boolean;
  /** Rejects with an AccessError; never unhandled. */
  readonly outcome: Promise<Session>;
  /** Ends it with `reason`, here and in every process that waits for it. */
  abandon(reason: AccessError): Promise<void>;
}

/** Where a device code is entered. An address on another host is only quoted as the server's words. */
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

/** A sign-in that another call finished before this one could begin its own. */
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

/** Another sign-in for the same resource has replaced this one; whoever waits for this one can join it. */
export class Superseded extends AccessError {
  constructor({ resource }: Pick<SignIn, 'resource'>) {
    super(
      'sign_in_expired',
      `Another sign-in for ${new URL(resource).host} was started in place of this one.`,
      [{ do: 'sign_in', join: true }],
    );
  }
}

/** The error that a sign-in ended with, as another process stored it. */
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
