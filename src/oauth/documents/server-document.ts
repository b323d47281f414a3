/** Server metadata documents (RFC 8414 §3.2) as servers really send them. */
import { quoteServerText } from '../../server-text.ts';
import { AnswerFault } from './answer-fault.ts';
import { asResponse, openAnswer, type Took } from './json-answer.ts';
import { requireText, splitWords } from './members.ts';

const lists = ['token_endpoint_auth_methods_supported', 'scopes_supported'];
const read = [
  'issuer',
  'authorization_endpoint',
  'token_endpoint',
  'registration_endpoint',
  'revocation_endpoint',
  'device_authorization_endpoint',
  'code_challenge_methods_supported',
  ...lists,
];

/** Issuer, endpoints and PKCE methods are never guessed. Throws `AnswerFault`. */
export async function serverDocument(
  response: Response,
  requested: URL,
  took: Took,
): Promise<Response> {
  const answer = await openAnswer(response, read, took);
  if (answer.status >= 400) throw new AnswerFault(`the server answered ${answer.status}`);
  requireText(answer, 'issuer');
  const { members } = answer;
  const issuer = String(members.issuer);
  if (issuer === requested.host) {
    // Deviation from RFC 8414 §2, where an issuer is an https URL: Access documents one without a scheme. It
    // is accepted when it is exactly the host of the requested issuer.
    members.issuer = requested.origin;
    took('issuer is the requested host, without a scheme');
  } else if (!URL.canParse(issuer) || new URL(issuer).href !== requested.href) {
    throw new AnswerFault(
      `the answer’s issuer is ${quoteServerText(issuer)}, which is not the requested one (RFC 8414 §3.3)`,
    );
  }
  for (const name of lists) splitWords(answer, name);
  return asResponse(answer, 200);
}
