/** The address at which a person's login is transferred to this machine (cloudflare-access.md §5.2). */
import { atPath } from '../../secure-url.ts';

/** The cli endpoint's URL, byte for byte as cloudflared writes it (keys sorted, escaped as Go does). */
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

/** url.Values.Encode of Go: stable-sorted by key, `=` as %3D, a space as `+`. */
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
