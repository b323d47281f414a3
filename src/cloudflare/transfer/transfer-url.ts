/** The address that starts a browser transfer (cloudflare-access.md §5.2). */
import { atPath } from '../../secure-url.ts';

/** The `cli` page's URL, byte for byte as cloudflared writes it (keys sorted, escaped as in Go). */
export function transferUrl(application: URL, audience: string, publicKey: string): URL {
  const back = new URL(application);
  back.hash = '';
  back.username = '';
  back.password = '';
  const own = [...application.searchParams].filter(([name]) => name !== 'aud' && name !== 'token');
  back.search = goQuery([...own, ['aud', audience], ['token', publicKey]]);
  const url = atPath(application, '/cdn-cgi/access/cli');
  url.search = goQuery([
    ['aud', audience],
    ['close_interstitial', 'true'],
    ['edge_token_transfer', 'true'],
    ['redirect_url', back.href],
    ['send_org_token', 'true'],
    ['token', publicKey],
  ]);
  return url;
}

/** Go's url.Values.Encode: stably sorted by key, with `=` as %3D and a space as `+`. */
function goQuery(parameters: readonly (readonly [string, string])[]): string {
  return parameters
    .toSorted(([one], [other]) => (one < other ? -1 : one > other ? 1 : 0))
    .map(([name, value]) => `${goEscape(name)}=${goEscape(value)}`)
    .join('&');
}

function goEscape(text: string): string {
  return encodeURIComponent(text)
    .replace(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll('%20', '+');
}
