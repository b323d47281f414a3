/**
 * Cookies between the origin and the local client. The local address is http on loopback, so the
 * attributes and name prefixes that bind a cookie to the origin's host and to TLS are removed, and the
 * prefixes restored in requests. Access's own cookies are credentials and are passed in neither direction.
 */
import { isAccessCookie } from '../secrets/access-cookies.ts';

/** Without TLS, browsers refuse cookies with these prefixes (RFC 6265bis §4.1.3). */
const securePrefix = /^__(?:host|secure)-/i;
/** Put before such names locally; a token character with which cookie names seldom begin. */
const masked = '~';

/** A Set-Cookie field's value for the client; `undefined` for a cookie that is not passed on. */
export function localSetCookie(value: string): string | undefined {
  const [pair = '', ...attributes] = value.split(';');
  const name = pair.split('=')[0]?.trim() ?? '';
  if (isAccessCookie(name)) return undefined;
  const kept = attributes.filter((attribute) => {
    const [key = '', setting = ''] = attribute.split('=');
    switch (key.trim().toLowerCase()) {
      case 'domain':
      case 'secure':
      case 'partitioned': // only with Secure
        return false;
      case 'samesite':
        return setting.trim().toLowerCase() !== 'none'; // only with Secure
      default:
        return true;
    }
  });
  const own = pair.trimStart();
  return [securePrefix.test(own) ? masked + own : pair, ...kept].join(';');
}

/** A Cookie field's value for the origin; empty when no cookie is left. */
export function remoteCookie(value: string): string {
  return value
    .split(';')
    .map((pair) => pair.trim())
    .filter((pair) => pair !== '')
    .map((pair) => (securePrefix.test(pair.slice(1)) && pair[0] === masked ? pair.slice(1) : pair))
    .filter((pair) => !isAccessCookie(pair.split('=')[0] ?? ''))
    .join('; ');
}
