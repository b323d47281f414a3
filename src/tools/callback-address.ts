/**
 * The address that a browser on another machine ended at, because the loopback redirection was out of
 * its reach. People paste it in many spellings (Markdown, quotes, shell escapes, without a scheme, the
 * query alone, behind a forwarded host name); `state` decides whose it is, so none of them matters.
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
      // A terminal breaks long lines; no part of an address is white space.
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
