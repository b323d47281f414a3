/** What oauth4webapi throws, as an AccessError with the code of the step that failed. */
import {
  OperationProcessingError,
  ResponseBodyError,
  UnsupportedOperationError,
} from 'oauth4webapi';
import { AccessError, type ErrorCode } from '../errors.ts';
import { cleanServerText, quoteServerText } from '../server-text.ts';

/** The `error` of an OAuth error response (RFC 6749 §5.2), when that is what was thrown. */
export function oauthErrorOf(error: unknown): string | undefined {
  return error instanceof ResponseBodyError ? cleanServerText(error.error) : undefined;
}

/**
 * `subject` names the answer, such as "the resource metadata of app.example.com". An OAuth error, a
 * 5xx or a 429 is told in the server's words; what is not an answer of that kind, in the library's.
 */
export function protocolFailure(
  error: unknown,
  code: ErrorCode,
  subject: string,
  nextStep: string,
): AccessError {
  if (error instanceof AccessError) return error;
  return new AccessError(code, `${subject}: ${reasonOf(error)}`, nextStep, { cause: error });
}

function reasonOf(error: unknown): string {
  if (error instanceof ResponseBodyError) {
    const words = error.error_description ?? error.error;
    return `the server answered ${error.status} ${quoteServerText(error.error)}${
      error.error_description ? ` and says ${quoteServerText(words)}` : ''
    }.`;
  }
  if (error instanceof OperationProcessingError || error instanceof UnsupportedOperationError) {
    const status = error.cause instanceof Response ? ` (HTTP ${error.cause.status})` : '';
    return `${error.message.replaceAll('"response" ', 'the answer ').replaceAll('"', '')}${status}.`;
  }
  return `the answer could not be used (${error instanceof Error ? error.name : 'unknown'}).`;
}

/** True for answers that say nothing about the grant: 5xx, 429, or not an OAuth answer at all. */
export function isPassing(error: unknown): boolean {
  if (error instanceof ResponseBodyError) return error.status >= 500 || error.status === 429;
  return error instanceof OperationProcessingError;
}
