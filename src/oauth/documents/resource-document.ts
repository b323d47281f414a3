/** Protected resource metadata documents (RFC 9728 §3.2) as servers really send them. */

import { AnswerFault } from './answer-fault.ts';
import { asResponse, openAnswer, type Took } from './json-answer.ts';
import { misplaced, requireText, splitWords } from './members.ts';

const read = ['resource', 'authorization_servers', 'scopes_supported'];

/**
 * The resource and its authorization servers are left unchanged for the caller to check. Throws
 * `AnswerFault`.
 */
export async function resourceDocument(response: Response, took: Took): Promise<Response> {
  const answer = await openAnswer(response, read, took);
  if (answer.status >= 400) throw new AnswerFault(`the server answered ${answer.status}`);
  requireText(answer, 'resource');
  const { authorization_servers: servers } = answer.members;
  if (servers !== undefined && !Array.isArray(servers)) {
    throw misplaced('authorization_servers', servers, 'a list of issuers');
  }
  splitWords(answer, 'scopes_supported');
  return asResponse(answer, 200);
}
