/** The address that a browser on another machine ended at: a loopback redirection out of its reach. */
import { AccessError } from '../errors.ts';
import { isLoopback } from '../secure-url.ts';

/** Throws `invalid_input`. */
export function callbackAddress(text: string): URL {
  const url = URL.canParse(text.trim()) ? new URL(text.trim()) : undefined;
  if (url === undefined || !isLoopback(url) || url.pathname !== '/callback') {
    throw new AccessError(
      'invalid_input',
      'That is not an address that a sign-in ends at.',
      'Pass the whole address from the browser’s address bar, such as http://localhost:8400/callback?code=…&state=…',
    );
  }
  return url;
}
