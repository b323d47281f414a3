/** The body that access_fetch sends, from one of its three arguments, and its media type. */
import { AccessError } from '../errors.ts';
import { fileBody } from '../files/body-file.ts';
import { bytesBody, type RepeatableBody } from '../http/request-body.ts';
import type { AccessFetchInput } from './access-fetch-input.ts';
import type { ToolContext } from './tool.ts';

/** Throws `invalid_input`, and what `fileBody` throws. */
export async function requestBody(
  { body, body_base64, body_file, method }: AccessFetchInput,
  { places }: ToolContext,
): Promise<RepeatableBody | undefined> {
  const given = [body, body_base64, body_file].filter((each) => each !== undefined);
  if (given.length > 1) {
    throw new AccessError('invalid_input', 'body, body_base64 and body_file were given together.', [
      { do: 'correct_input', with: 'one of them' },
    ]);
  }
  if (given.length === 1 && /^(?:get|head)$/i.test(method)) {
    throw new AccessError(
      'invalid_input',
      `A ${method.toUpperCase()} request has no body (RFC 9110 §9.3.1).`,
      [
        { do: 'correct_input', with: '"method": "POST" (or another one that takes a body)' },
        { when: 'otherwise', do: 'leave_out', what: 'the body' },
      ],
    );
  }
  if (body !== undefined) return bytesBody(body);
  if (body_base64 !== undefined) return bytesBody(decodeBase64(body_base64));
  return body_file === undefined ? undefined : fileBody(body_file, await places());
}

function decodeBase64(text: string): Buffer {
  const compact = text.replace(/\s+/g, '');
  if (!/^[A-Za-z0-9+/_-]*={0,2}$/.test(compact)) {
    throw new AccessError('invalid_input', 'body_base64 is not base64.', [
      { do: 'correct_input', with: 'the body in base64 (RFC 4648 §4), or as text in body' },
    ]);
  }
  return Buffer.from(compact, 'base64');
}

/** `body`: the text that the agent gave, if any. */
export function contentTypeOf(body: string | undefined): string {
  if (body === undefined) return 'application/octet-stream';
  if (!/^\s*[[{]/.test(body)) return 'text/plain; charset=utf-8';
  try {
    JSON.parse(body);
    return 'application/json';
  } catch {
    return 'text/plain; charset=utf-8';
  }
}
