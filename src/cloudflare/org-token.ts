/**
 * One login for a whole team: exchanges the team's org token for an application's own
 * (cloudflare-access.md §5.7). The redirects are followed by hand, because each hop carries another
 * secret: the org token goes to the team's host alone, the application's cookie to the application, and
 * nothing to other domains of the application that the way leads over.
 */

import type { Abortable } from '../abortable.ts';
import { AccessError } from '../errors.ts';
import type { Fields } from '../http/fields.ts';
import { isRedirect } from '../http/next-hop.ts';
import type { ProtocolFetch } from '../http/protocol-fetch.ts';
import { atPath, isLoopback, isSecure, resolveReference } from '../secure-url.ts';
import { type AccessToken, isSamePerson, verifyAccessToken } from './application-token.ts';
import { isAccessLogin } from './login-redirect.ts';
import { keysUntil, type SigningKeys } from './signing-keys.ts';

export interface ExchangeOptions {
  readonly fetch: ProtocolFetch;
  readonly keys: SigningKeys;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** The application's audience tag. */
  readonly audience: string;
  /** Whether another host may be asked at all: an application may have several domains. */
  readonly mayPass: (url: URL) => boolean;
  /** The host exists only with the query of the application's URL. */
  readonly withQuery?: boolean;
  readonly signal?: Abortable | undefined;
}

const authorizedPath = '/cdn-cgi/access/authorized';
const maxHops = 10;

/**
 * The application's token, or `undefined` when the person has to sign in after all: the team demands a
 * login, a redirect leads away from the application and the team, or the returned token was not issued by
 * the team to the same person as the org token. Throws `temporarily_unavailable` for a 5xx or 429, and
 * what `fetch` throws.
 */
export async function exchangeOrgToken(
  application: URL,
  organisation: AccessToken,
  { fetch, keys, now, audience, mayPass, withQuery = false, signal }: ExchangeOptions,
): Promise<AccessToken | undefined> {
  if (!isSecure(application) || organisation.expiresAt <= now()) return undefined;
  const cookies = new Map<string, string>();
  const start = atPath(application, application.pathname);
  if (withQuery) start.search = application.search;
  let url = start;
  const isElsewhere = ({ origin, host }: URL): boolean =>
    origin !== start.origin && host !== organisation.teamDomain;
  /**
   * Another domain of the application, where Access would set a browser's cookie on the way (“eager
   * redirect cookie”). Nothing proves that it is one, so it is sent nothing but its address.
   */
  const isOtherDomain = (other: URL): boolean =>
    isSecure(other) &&
    isLoopback(other) === isLoopback(start) &&
    other.pathname.startsWith(authorizedPath) &&
    !other.href.includes(organisation.jwt);
  for (let hop = 0; hop < maxHops; hop += 1) {
    const cookie = cookieFor(url, start, organisation, cookies.get('CF_AppSession'));
    if (cookie === undefined) return undefined;
    const answer = await fetch(url, {
      method: 'HEAD',
      headers: cookie === '' ? {} : { cookie },
      signal,
    });
    if (answer.status >= 500 || answer.status === 429) throw unavailable(url, answer.status);
    if (url.origin === start.origin) {
      for (const [name, value] of setCookies(answer.headers)) cookies.set(name, value);
      const jwt = cookies.get('CF_Authorization');
      if (jwt !== undefined && url.pathname.startsWith(authorizedPath)) {
        const expected = { audience, teamDomain: organisation.teamDomain, application, now: now() };
        const token = await verifyAccessToken(jwt, expected, keysUntil(keys, signal));
        // Otherwise an application could answer with somebody else's token and make us act as them.
        return typeof token !== 'string' && isSamePerson(token, organisation) ? token : undefined;
      }
    }
    const location = answer.headers.get('location');
    // `cookieFor` checks the destination before anything is sent there.
    const next =
      isRedirect(answer.status) && location !== null ? resolveReference(location, url) : undefined;
    if (next === undefined) return undefined;
    const isThere = next.origin === start.origin;
    const leavesTeam = url.host === organisation.teamDomain || isElsewhere(url);
    // No other host is believed where it leads, but for the way back and on.
    if (isElsewhere(url) && !isThere && !isElsewhere(next)) return undefined;
    if (isElsewhere(next) && !(leavesTeam && isOtherDomain(next) && mayPass(next)))
      return undefined;
    url = next;
    url.hash = '';
  }
  return undefined;
}

/** The cookie for this hop; `undefined` when the hop must not be made at all. */
function cookieFor(
  url: URL,
  start: URL,
  organisation: AccessToken,
  appSession: string | undefined,
): string | undefined {
  if (url.username || url.password) return undefined;
  if (url.origin === start.origin) {
    if (url.pathname.startsWith(authorizedPath)) {
      return appSession === undefined ? '' : `CF_AppSession=${appSession}`;
    }
    // The first request, and a login page that the application's own host serves.
    return url.href === start.href || isAccessLogin(url, start) ? '' : undefined;
  }
  if (url.host !== organisation.teamDomain) return '';
  return isAccessLogin(url, start) ? `CF_Authorization=${organisation.jwt}` : undefined;
}

function setCookies(headers: Fields): [name: string, value: string][] {
  return headers.getSetCookie().flatMap((field): [string, string][] => {
    const match = /^\s*([^=;\s]+)=([^;]*)/.exec(field);
    return match?.[1] === undefined || !match[2] ? [] : [[match[1], match[2].trim()]];
  });
}

function unavailable({ host }: URL, status: number): AccessError {
  return new AccessError(
    'temporarily_unavailable',
    `${host} cannot renew the sign-in at the moment (status ${status}).`,
    [{ do: 'retry', afterSeconds: 60 }],
  );
}
