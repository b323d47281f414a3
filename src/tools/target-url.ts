/** The URL that a tool is called with. */
import { AccessError } from '../errors.ts';
import { isSecure } from '../secure-url.ts';
import { quoteServerText } from '../server-text.ts';

const maxLength = 8192;

/** Throws `invalid_input` and `https_required`. */
export function targetUrl(text: string): URL {
  if (text.length > maxLength) {
    throw new AccessError(
      'invalid_input',
      `The URL ${quoteServerText(text)} is longer than ${maxLength} characters.`,
      'Call again with a shorter URL.',
    );
  }
  if (!URL.canParse(text)) {
    throw new AccessError(
      'invalid_input',
      `${quoteServerText(text)} is not an absolute URL.`,
      'Call again with a whole URL, such as https://app.example.com/page.',
    );
  }
  const url = new URL(text);
  if (url.protocol !== 'https:' && url.protocol !== 'http:') {
    throw new AccessError(
      'invalid_input',
      `The URL has the scheme ${quoteServerText(url.protocol)}; only https is fetched, and http on this machine.`,
      'Call again with an https URL.',
    );
  }
  if (url.username !== '' || url.password !== '') {
    throw new AccessError(
      'invalid_input',
      `The URL for ${url.host} holds a user name or password.`,
      'Call again without them; if the application needs them, pass an Authorization header to access_fetch.',
    );
  }
  if (!isSecure(url)) {
    throw new AccessError(
      'https_required',
      `${url.host} was asked for over http, where a credential could be read by anyone on the way.`,
      `Call again with https://${url.host}${url.pathname}${url.search}; plain http is for localhost alone.`,
    );
  }
  return url;
}
