/**
 * Which resource a token response says its token is for: Access returns the `resource` parameter of RFC 8707,
 * and a JWT has an `aud` (RFC 9068 §2.2). A token with neither may be accepted by every resource of its
 * server.
 */
import type { TokenEndpointResponse } from 'oauth4webapi';
import { AccessError } from '../errors.ts';
import { quoteServerText } from '../server-text.ts';
import { coversUrl } from './resource-scope.ts';

/**
 * Whether the answer itself says that the token is for `resource`. Throws `token_rejected` when it
 * says that the token is for another origin.
 */
export function confirmsResource(
  answer: TokenEndpointResponse,
  resource: string,
  host: string,
): boolean {
  const asked = new URL(resource);
  const { resource: named } = answer;
  const audience = isEmpty(named) ? audienceOf(answer.access_token) : named;
  const all = isEmpty(audience) ? [] : [audience].flat();
  if (!isEmpty(named) && !all.some((each) => originOf(each) === asked.origin)) {
    throw new AccessError(
      'token_rejected',
      `${host} gave a token for another resource, ${quoteServerText(String(all[0] ?? 'none'))}, instead of ${asked.origin}; it was discarded.`,
      [
        { do: 'avoid_sign_in', why: 'untrusted' },
        {
          do: 'ask_operator',
          host: asked.host,
          to: 'see which authorization server the application is meant to name, and what that one gives tokens for',
        },
      ],
    );
  }
  return all.some((each) => typeof each === 'string' && coversUrl(each, asked));
}

function isEmpty(value: unknown): boolean {
  return value === undefined || value === null;
}

function originOf(value: unknown): string | undefined {
  return typeof value === 'string' && URL.canParse(value) ? new URL(value).origin : undefined;
}

/**
 * The `aud` claim when the token is a JWT. It is not verified: it came directly from the server that would
 * have signed it.
 */
function audienceOf(token: string): unknown {
  const [, claims, signature, ...more] = token.split('.');
  if (claims === undefined || !signature || more.length > 0) return undefined;
  try {
    const read: unknown = JSON.parse(Buffer.from(claims, 'base64url').toString());
    return typeof read === 'object' && read !== null && 'aud' in read ? read.aud : undefined;
  } catch {
    return undefined;
  }
}
