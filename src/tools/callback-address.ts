/**
 * Parses the address at which a browser on another machine ended up, unable to load the loopback
 * redirection URI. People paste it in many forms (Markdown, quotes, shell escapes, without a scheme, only
 * the query, with a forwarded host name). Any form is accepted, because `state` identifies the sign-in.
 */
import { AccessError } from '../errors.ts';

const maxLength = 16_384;

/** The authorization response (RFC 6749 §4.1.2). Throws `invalid_input`. */
export function callbackResponse(text: string): URLSearchParams {
  const response = new URLSearchParams(text.length > maxLength ? '' : queryOf(plainAddress(text)));
  if (!response.has('state') || !(response.has('code') || response.has('error'))) {
    throw new AccessError(
      'invalid_input',
      'That is not an address that a sign-in ends at: it has no state, or neither a code nor an error.',
      [{ do: 'paste_callback' }],
    );
  }
  return response;
}

function plainAddress(text: string): string {
  const markdownLink = /\]\(\s*<?([^)>\s]+)/.exec(text)?.[1];
  return (
    (markdownLink ?? text)
      // Terminals break long lines; an address contains no white space.
      .replace(/\s+/g, '')
      .replace(/&amp;|&#38;|&#x26;|\\u0026/gi, '&')
      // Escapes of POSIX shells, PowerShell and cmd.exe.
      .replace(/[\\`^](?=[?&=:/%#])/g, '')
      .replace(/^[<("'`“”‘’«*_]+|[>)"'`“”‘’»*_.,;]+$/g, '')
  );
}

function queryOf(address: string): string {
  const [withoutFragment = ''] = address.split('#');
  const start = withoutFragment.indexOf('?');
  return withoutFragment.slice(start + 1);
}
