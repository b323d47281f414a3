/**
 * Turns what oauth4webapi and the document readers throw into an AccessError with the code of the step that
 * failed.
 */
import {
  OperationProcessingError,
  ResponseBodyError,
  UnsupportedOperationError,
} from 'oauth4webapi';
import { AccessError, type ErrorCode } from '../errors.ts';
import type { NextStep } from '../next-step.ts';
import { createConcealer } from '../secrets/concealer.ts';
import { cleanServerText, quoteServerText } from '../server-text.ts';
import { AnswerFault } from './documents/answer-fault.ts';

/** The `error` of an OAuth error response (RFC 6749 §5.2), when that is what was thrown. */
export function oauthErrorOf(error: unknown): string | undefined {
  return error instanceof ResponseBodyError ? cleanServerText(error.error) : undefined;
}

/**
 * `subject` names the answer, such as "the resource metadata of app.example.com". An OAuth error is described
 * in the server's words, anything else in the library's or the document reader's. `secrets`: values that the
 * request contained, which some servers repeat in their error.
 */
export function protocolFailure(
  error: unknown,
  code: ErrorCode,
  subject: string,
  nextStep: NextStep,
  secrets: readonly (string | undefined)[] = [],
): AccessError {
  if (error instanceof AccessError) return error;
  const reason = reasonOf(error, (text) => without(secrets, text));
  return new AccessError(code, `${subject}: ${reason}`, nextStep, { cause: error });
}

/** In every spelling: what was sent form-encoded may come back form-encoded. */
function without(secrets: readonly (string | undefined)[], text: string): string {
  return createConcealer(secrets.filter((secret) => secret !== undefined)).text(text);
}

function reasonOf(error: unknown, clean: (text: string) => string): string {
  if (error instanceof ResponseBodyError) {
    const words = error.error_description ?? error.error;
    return `the server answered ${error.status} ${quoteServerText(clean(error.error))}${
      error.error_description ? ` and says ${quoteServerText(clean(words))}` : ''
    }.`;
  }
  if (error instanceof OperationProcessingError || error instanceof UnsupportedOperationError) {
    const status = error.cause instanceof Response ? ` (HTTP ${error.cause.status})` : '';
    return `${error.message.replaceAll('"response" ', 'the answer ').replaceAll('"', '')}${status}.`;
  }
  if (error instanceof AnswerFault) {
    const { message, words } = error;
    return words ? `${message} and says ${quoteServerText(clean(words))}.` : `${message}.`;
  }
  return `the answer could not be used (${error instanceof Error ? error.name : 'unknown'}).`;
}

/**
 * True for trouble that says nothing about the grant and may be over in a minute: 5xx, 429, a captive
 * portal's page.
 */
export function isPassing(error: unknown): boolean {
  if (error instanceof ResponseBodyError) {
    const { status, error: word } = error;
    return status >= 500 || status === 429 || passingErrors.includes(word);
  }
  return error instanceof AnswerFault && error.passing;
}

/** Authorization response errors (RFC 6749 §4.1.2.1) that some servers use at their other endpoints. */
const passingErrors: readonly string[] = ['temporarily_unavailable', 'server_error'];

/**
 * True for a valid answer that this client does not support, such as another token type, and for a malformed
 * one: neither waiting nor another sign-in changes what the server sends.
 */
export function isUnsupported(error: unknown): boolean {
  return (
    error instanceof UnsupportedOperationError ||
    error instanceof OperationProcessingError ||
    (error instanceof AnswerFault && !error.passing)
  );
}

/** `otherwise`, unless only the operator of `host` can fix it. */
export function nextStepAfter(error: unknown, host: string, otherwise: NextStep): NextStep {
  return isUnsupported(error)
    ? [{ do: 'do_not_retry' }, { do: 'ask_operator', host, to: 'fix what it answers' }]
    : otherwise;
}
