/**
 * The address of Access's login page, where a person copied it in the place of the application's:
 * `https://T/cdn-cgi/access/login/H?…&redirect_url=…` (cloudflare-access.md §1). It names the application,
 * and is a word of whoever gives it like any other address.
 */
import { atPath, isLoopback, resolveReference } from '../secure-url.ts';
import { isAccessPage } from './access-pages.ts';
import { isAccessTeamHost } from './team.ts';

const loginPath = /^\/cdn-cgi\/access\/login\/([^/]+)\/?$/;

/**
 * The application's URL for the address of a login page; `undefined` for any other. `'no_application'`: a
 * page of a team's own, from which none can be told.
 */
export function applicationOf(url: URL): URL | 'no_application' | undefined {
  const host = loginPath.exec(url.pathname)?.[1];
  const application = host === undefined ? undefined : originOf(host, url);
  if (application !== undefined && isLoginOf(application, url)) {
    return landing(application, url.searchParams.get('redirect_url'));
  }
  const isTeamPage = isAccessTeamHost(url.host) && isAccessPage(url.pathname);
  return isTeamPage ? 'no_application' : undefined;
}

/** At a team's domain, at the application itself (path-relative), or all of it on this machine. */
function isLoginOf(application: URL, { origin, host, protocol }: URL): boolean {
  if (application.origin === origin) return true;
  if (isAccessTeamHost(host)) return protocol === 'https:';
  return isLoopback(application) && isLoopback(new URL(origin));
}

/** A host and perhaps its port, by the scheme of the login page. */
function originOf(segment: string, { protocol }: URL): URL | undefined {
  const host = segment.replaceAll(/%3a/gi, ':').replaceAll(/%5b/gi, '[').replaceAll(/%5d/gi, ']');
  const address = `${protocol}//${host}/`;
  return /^[\w.:[\]-]+$/.test(host) && URL.canParse(address) ? new URL(address) : undefined;
}

/** Where the login would lead back to, if that is at the application and none of Access's own pages. */
function landing(application: URL, redirectUrl: string | null): URL {
  const url = resolveReference(redirectUrl ?? '/', application);
  if (url?.origin !== application.origin || url.username || url.password) return application;
  if (isAccessPage(url.pathname)) return application;
  const landed = atPath(application, url.pathname);
  landed.search = url.search;
  return landed;
}
