/** Client information responses (RFC 7591 §3.2.1) as servers really send them. */

import { errorResponse } from './error-response.ts';
import { asResponse, openAnswer, type Took } from './json-answer.ts';
import { allowText, leaveOut, readDigits, requireText } from './members.ts';

const times = ['client_secret_expires_at', 'client_id_issued_at'];
const read = ['client_id', 'client_secret', 'token_endpoint_auth_method', ...times, 'error'];

/** `client_id` and the secret are never guessed. Throws `AnswerFault`. */
export async function clientInformation(response: Response, took: Took): Promise<Response> {
  const answer = await openAnswer(response, read, took);
  const refusal = errorResponse(answer);
  if (refusal) return refusal;
  const { members } = answer;
  requireText(answer, 'client_id');
  allowText(answer, 'client_secret');
  for (const name of times) {
    readDigits(answer, name);
    const held = members[name];
    if (held !== undefined && !(typeof held === 'number' && held >= 0)) {
      // The token endpoint reports an expired secret; nothing here depends on these times.
      leaveOut(answer, name, 'not a time');
    }
  }
  if (members.client_secret !== undefined && members.client_secret_expires_at === undefined) {
    members.client_secret_expires_at = 0;
    took('client_secret_expires_at is missing, treated as 0');
  }
  return asResponse(answer, 201);
}
