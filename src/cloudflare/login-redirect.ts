/** Redirects to a login page: Access's own, and others, which must not be mistaken for it. */
import { isRedirect } from '../http/next-hop.ts';
import { isLoopback, resolveReference } from '../secure-url.ts';
import { isAccessTeamHost } from './team.ts';

export interface LoginRedirect {
  readonly url: URL;
  /** True when it leads to Access's login, which a browser transfer can pass. */
  readonly byAccess: boolean;
  /** Absent when the redirect is path-relative: the application's own host serves the login page. */
  readonly teamDomain?: string;
  /** It is a sign-in to an application that uses the team as its identity provider: its own affair. */
  readonly asIdentityProvider?: true;
  /** `kid`, as received. */
  readonly audience?: string;
}

const accessLoginPath = '/cdn-cgi/access/login';
/** `…/oidc/…` or `…/saml/…` (cloudflare-access.md §1). */
const accessSsoPath = '/cdn-cgi/access/sso/';

/** Path segments that are typical of other systems' logins. */
const loginWords =
  /(?:^|\/)(?:log-?in|sign-?in|sign_in|sso|saml2?|oauth2?|oidc|authorize|authenticate|auth|cas|openid-connect|adfs)(?:\.\w+)?(?:\/|$)/i;

/** `undefined` when the answer is not a redirect, or does not look like one to a login. */
export function tellLoginRedirect(
  asked: URL,
  status: number,
  location: string | null,
): LoginRedirect | undefined {
  const url =
    isRedirect(status) && location !== null ? resolveReference(location, asked) : undefined;
  if (url === undefined) return undefined;
  if (url.pathname.startsWith(accessSsoPath) && isTeamFor(url, asked)) {
    return { url, byAccess: false, asIdentityProvider: true, teamDomain: url.host };
  }
  if (!isAccessLogin(url, asked)) {
    return loginWords.test(url.pathname) ? { url, byAccess: false } : undefined;
  }
  const audience = url.searchParams.get('kid');
  return {
    url,
    byAccess: true,
    ...(url.origin === asked.origin ? {} : { teamDomain: url.host }),
    ...(audience ? { audience } : {}),
  };
}

/**
 * True when `url` is Access's login page for `asked`: on a team domain, on the same origin
 * (path-relative), or from one loopback host to another. Never from https to http, and never with
 * userinfo.
 */
export function isAccessLogin(url: URL, asked: URL): boolean {
  if (url.username || url.password) return false;
  if (url.pathname !== accessLoginPath && !url.pathname.startsWith(`${accessLoginPath}/`))
    return false;
  return url.origin === asked.origin || isTeamFor(url, asked);
}

function isTeamFor(url: URL, asked: URL): boolean {
  if (url.username || url.password) return false;
  if (isLoopback(asked)) return isLoopback(url) && /^https?:$/.test(url.protocol);
  return url.protocol === 'https:' && isAccessTeamHost(url.host);
}
