/** The URL that a tool is called with. */
import { applicationOf } from '../cloudflare/pasted-login.ts';
import { AccessError } from '../errors.ts';
import { isSecure, parseUrl } from '../secure-url.ts';
import { quoteServerText } from '../server-text.ts';

const maxLength = 8192;

/** A login page's address stands for its application’s. Throws `invalid_input` and `https_required`. */
export function targetUrl(text: string): URL {
  if (text.length > maxLength) {
    throw new AccessError(
      'invalid_input',
      `The URL ${quoteServerText(text)} is longer than ${maxLength} characters.`,
      [{ do: 'correct_input', with: 'a shorter URL' }],
    );
  }
  const url = parseUrl(text);
  if (url === undefined) {
    throw new AccessError('invalid_input', `${quoteServerText(text)} is not an absolute URL.`, [
      { do: 'correct_input', with: 'a whole URL, such as https://app.example.com/page' },
    ]);
  }
  if (url.protocol !== 'https:' && url.protocol !== 'http:') {
    throw new AccessError(
      'invalid_input',
      `The URL has the scheme ${quoteServerText(url.protocol)}; only https is fetched, and http on this machine.`,
      [{ do: 'correct_input', with: 'an https URL' }],
    );
  }
  if (url.username !== '' || url.password !== '') {
    throw new AccessError(
      'invalid_input',
      `The URL for ${url.host} holds a user name or password.`,
      [
        { do: 'leave_out', what: 'them' },
        { when: 'needed', do: 'send_authorization' },
      ],
    );
  }
  if (!isSecure(url)) {
    throw new AccessError(
      'https_required',
      `${url.host} was asked for over http, where anyone on the way could read a credential; plain http is for localhost alone.`,
      [{ do: 'correct_input', with: `https://${url.host}${url.pathname}${url.search}` }],
    );
  }
  const application = applicationOf(url);
  if (application === 'no_application') {
    throw new AccessError(
      'invalid_input',
      `The URL is one of Cloudflare Access’s own pages at ${url.host}, where people sign in: no application can be told from it.`,
      [{ do: 'correct_input', with: 'the address of the application itself' }],
    );
  }
  return application ?? url;
}
