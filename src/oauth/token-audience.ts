/**
 * Whom a token answer says that its token is for: Access names the `resource` (RFC 8707's word,
 * returned), and a JWT has an `aud` (RFC 9068 §2.2). A token without either may be one that every
 * resource of its server takes.
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

/** Of a JWT's claims. It came from the server that would have signed it, so nothing is verified. */
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
