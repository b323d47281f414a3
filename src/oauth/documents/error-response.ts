/**
 * Error responses of the token, device and registration endpoints (RFC 6749 §5.2, RFC 7591 §3.2.2):
 * a refusal is one by its `error`, also where it comes with a status of success.
 */

import { AnswerFault } from './answer-fault.ts';
import { type Answer, asResponse, holding } from './json-answer.ts';

/** The refusal as the library reads it; `undefined` for a success. Throws `AnswerFault`. */
export function errorResponse(answer: Answer): Response | undefined {
  const { status, members, took } = answer;
  const { error } = members;
  const isRefusal = typeof error === 'string' && error !== '';
  if (status < 400 && !isRefusal) return undefined;
  if (!isRefusal) {
    const why =
      error === undefined ? 'without saying why' : `and its error holds ${holding(error)}`;
    throw new AnswerFault(`the server answered ${status}, ${why}`, { status });
  }
  if (status < 400) took(`an error with the status ${status} was taken as one`);
  for (const name of ['error_description', 'error_uri']) {
    if (typeof members[name] !== 'string') delete members[name];
  }
  return asResponse(answer, status < 400 ? 400 : status);
}
