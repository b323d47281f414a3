/**
 * `start_index`: continues a stored answer instead of requesting it again, if the credential's holder is
 * still the same.
 */
import type { Access } from '../access/access.ts';
import { pageKey } from '../answer/kept-answers.ts';
import { AccessError } from '../errors.ts';
import type { AskedAs } from '../http/hops.ts';
import { type HopRequest, isSafeMethod } from '../http/next-hop.ts';
import type { AccessFetchInput } from './access-fetch-input.ts';
import type { KeptPage, ToolContext } from './tool.ts';

/** The key of a stored answer: everything that the agent specified. */
export function keptUnder({ method, url, headers }: HopRequest, input: AccessFetchInput): string {
  return pageKey({
    method,
    url: url.href,
    headers,
    format: input.format,
    body: JSON.stringify([input.body, input.body_base64, input.body_file]),
  });
}

/**
 * `undefined` when the request has to be sent (again). Throws `invalid_input` when sending it could change
 * something.
 */
export async function keptPage(
  key: string,
  { method, url }: HopRequest,
  { access, kept }: Pick<ToolContext, 'access' | 'kept'>,
): Promise<KeptPage | undefined> {
  const before = kept.pages.take(key);
  if (before && (await isStillTheirs(before.asked, access))) return before;
  if (!isSafeMethod(method)) throw notKept(method, url);
  return undefined;
}

/** Whether every hop would carry the same identity now as it did then. */
async function isStillTheirs(
  asked: readonly AskedAs[],
  { identityAt }: Pick<Access, 'identityAt'>,
): Promise<boolean> {
  for (const { url, identity } of asked) {
    if ((await identityAt(url)) !== identity) return false;
  }
  return true;
}

function notKept(method: string, { host }: URL): AccessError {
  return new AccessError(
    'invalid_input',
    `The answer of ${host} to this ${method} is no longer kept, and reading on would send the ${method} once more.`,
    [
      { when: 'wanted', do: 'leave_out', what: 'start_index to send it again' },
      {
        when: 'otherwise',
        do: 'correct_input',
        with: 'a greater max_length, which shows more at once',
      },
    ],
  );
}
