/** A URL as people type it: the scheme may be omitted. */
import { isLoopback } from '../../secure-url.ts';
import { targetUrl } from '../../tools/target-url.ts';

/** Throws `invalid_input` and `https_required`. */
export function address(text: string): URL {
  return targetUrl(withScheme(text.trim()));
}

/** Adds https, or http for loopback, which has no certificate. */
export function withScheme(text: string): string {
  if (/^[a-z][a-z\d+.-]*:\/\//i.test(text)) return text;
  const plain = `http://${text}`;
  return URL.canParse(plain) && isLoopback(new URL(plain)) ? plain : `https://${text}`;
}
