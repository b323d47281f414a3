/** Device authorization responses (RFC 8628 §3.2) as servers really send them. */

import { errorResponse } from './error-response.ts';
import { asResponse, openAnswer, type Took } from './json-answer.ts';
import { allowText, leaveOut, misplaced, readDigits, requireText } from './members.ts';

const required = ['device_code', 'user_code', 'verification_uri'];
const read = [...required, 'verification_uri_complete', 'expires_in', 'interval', 'error'];

/** The codes and the verification address are never guessed. Throws `AnswerFault`. */
export async function deviceResponse(response: Response, took: Took): Promise<Response> {
  const answer = await openAnswer(response, read, took);
  const refusal = errorResponse(answer);
  if (refusal) return refusal;
  const { members } = answer;
  for (const name of required) requireText(answer, name);
  allowText(answer, 'verification_uri_complete');
  readDigits(answer, 'expires_in');
  if (!(typeof members.expires_in === 'number' && members.expires_in > 0)) {
    throw misplaced('expires_in', members.expires_in, 'a number of seconds');
  }
  readDigits(answer, 'interval');
  const { interval } = members;
  if (interval !== undefined && !(typeof interval === 'number' && interval > 0)) {
    // §3.2: the default is five seconds.
    leaveOut(answer, 'interval', 'not a number of seconds');
  }
  return asResponse(answer, 200);
}
