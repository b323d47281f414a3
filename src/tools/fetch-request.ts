/** Makes the request from access_fetch's arguments. */
import { acceptMarkdown } from '../answer/readable.ts';
import { AccessError } from '../errors.ts';
import { checkAgentHeaders } from '../http/agent-headers.ts';
import type { Field, HopRequest } from '../http/next-hop.ts';
import type { AccessFetchInput } from './access-fetch-input.ts';
import { contentTypeOf, requestBody } from './sent-body.ts';
import { targetUrl } from './target-url.ts';
import type { ToolContext } from './tool.ts';

/**
 * The part of the request that the agent specified, checked before anything is read or added. Throws
 * `invalid_input`, `https_required` and `header_not_allowed`.
 */
export function namedRequest(input: AccessFetchInput): HopRequest {
  return {
    url: targetUrl(input.url),
    method: checkMethod(input.method),
    headers: checkAgentHeaders(input.headers ?? {}),
  };
}

/** The same with its body and implied header fields. Throws what reading the body throws. */
export async function wholeRequest(
  named: HopRequest,
  input: AccessFetchInput,
  context: ToolContext,
): Promise<HopRequest> {
  const body = await requestBody(input, context);
  const implied: Field[] = [];
  if (body) implied.push(['content-type', contentTypeOf(input.body)]);
  // Some wikis and documentation sites offer Markdown, which needs no conversion.
  if (input.save_to === undefined && input.format !== 'raw') {
    implied.push(['accept', acceptMarkdown]);
  }
  const missing = implied.filter(([name]) => !named.headers.some(([given]) => given === name));
  return { ...named, headers: [...named.headers, ...missing], ...(body ? { body } : {}) };
}

function checkMethod(text: string): string {
  const method = text.toUpperCase();
  if (method === 'CONNECT' || method === 'TRACE') {
    throw new AccessError(
      'invalid_input',
      `access_fetch does not send ${method}: it is made for proxies and would echo credentials.`,
      [{ do: 'correct_input', with: 'another method' }],
    );
  }
  return method;
}
