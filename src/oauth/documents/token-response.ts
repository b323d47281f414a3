/**
 * Answers of the token and revocation endpoints (RFC 6749 §5.1, RFC 7009 §2.2) as servers really send them.
 */

import { errorResponse } from './error-response.ts';
import { asResponse, openAnswer, type Took } from './json-answer.ts';
import { allowText, joinWords, leaveOut, readDigits, requireText } from './members.ts';

const read = ['access_token', 'token_type', 'expires_in', 'refresh_token', 'scope', 'error'];

/** The access token itself is never guessed. Throws `AnswerFault`. */
export async function tokenResponse(response: Response, took: Took): Promise<Response> {
  const answer = await openAnswer(response, read, took);
  const refusal = errorResponse(answer);
  if (refusal) return refusal;
  const { members } = answer;
  requireText(answer, 'access_token');
  allowText(answer, 'token_type');
  if (members.token_type === undefined) {
    // The only type that this client requests and sends.
    members.token_type = 'Bearer';
    took('token_type is missing, treated as Bearer');
  }
  allowText(answer, 'refresh_token');
  joinWords(answer, 'scope');
  readDigits(answer, 'expires_in');
  const { expires_in: lifetime } = members;
  if (lifetime !== undefined && !(typeof lifetime === 'number' && lifetime > 0)) {
    // Without a lifetime the token is used until it is refused, so nothing depends on this one.
    leaveOut(answer, 'expires_in', 'not a lifetime');
  }
  // Sent when the scope includes `openid` (OpenID Connect Core §3.1.3.3). Nothing here reads it, and the
  // library can validate it only with metadata that a refresh does not load: a good access token would be
  // thrown away because of an ID token that nobody uses.
  delete members.id_token;
  return asResponse(answer, 200);
}

/** Any 2xx status means that the token is revoked; there is nothing else to read. Throws `AnswerFault`. */
export async function revocationResponse(response: Response): Promise<Response> {
  if (response.ok) return new Response();
  return errorResponse(await openAnswer(response, [], () => {})) ?? response;
}
