/**
 * Error responses of the token, device and registration endpoints (RFC 6749 §5.2, RFC 7591 §3.2.2): an answer
 * with an `error` is a refusal, even when its status says success.
 */

import { AnswerFault } from './answer-fault.ts';
import { type Answer, asResponse, kindOf } from './json-answer.ts';

/** The refusal in the form that the library reads; `undefined` for a success. Throws `AnswerFault`. */
export function errorResponse(answer: Answer): Response | undefined {
  const { status, members, took } = answer;
  const { error } = members;
  const isRefusal = typeof error === 'string' && error !== '';
  if (status < 400 && !isRefusal) return undefined;
  if (!isRefusal) {
    const why = error === undefined ? 'without saying why' : `and its error is ${kindOf(error)}`;
    throw new AnswerFault(`the server answered ${status}, ${why}`, { status });
  }
  if (status < 400) took(`an error with status ${status} was treated as an error`);
  for (const name of ['error_description', 'error_uri']) {
    if (typeof members[name] !== 'string') delete members[name];
  }
  return asResponse(answer, status < 400 ? 400 : status);
}
