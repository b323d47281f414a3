/**
 * Cookies between the origin and the local client. The local address is http on loopback, so what binds
 * a cookie to the origin's host and to TLS is taken off, and put on again on the way back. Access's own
 * cookies are credentials: they go neither way.
 */
import { isAccessCookie } from '../secrets/access-cookies.ts';

/** Browsers refuse these prefixes without TLS (RFC 6265bis §4.1.3), whatever follows. */
const securePrefix = /^__(?:host|secure)-/i;
/** Before such a name here; a token character that cookies' names seldom begin with. */
const masked = '~';

/** A Set-Cookie field's value for the client; `undefined` for what stays here. */
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

/** A Cookie field's value for the origin; empty when nothing is left of it. */
export function remoteCookie(value: string): string {
  return value
    .split(';')
    .map((pair) => pair.trim())
    .filter((pair) => pair !== '')
    .map((pair) => (securePrefix.test(pair.slice(1)) && pair[0] === masked ? pair.slice(1) : pair))
    .filter((pair) => !isAccessCookie(pair.split('=')[0] ?? ''))
    .join('; ');
}
