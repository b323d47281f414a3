/**
 * Access's team domains, and which authorization servers are trusted (contract §4.3). A team
 * domain is written as a URL's `host`: `acme.cloudflareaccess.com`, `localhost:8401` in the sandbox.
 */
import { isLoopback, isSecure } from '../secure-url.ts';
import type { HostPattern } from './host-pattern.ts';

/** `<team>.cloudflareaccess.com`; FedRAMP's are `<team>.fed.cloudflareaccess.com`. */
const teamHost = /^(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)+cloudflareaccess\.com$/;

/** True for a team domain at Cloudflare, in lower case, without a port or a trailing dot. */
export function isAccessTeamHost(host: string): boolean {
  return host.length <= 253 && teamHost.test(host) && host !== 'fed.cloudflareaccess.com';
}

/**
 * Turns what a person sets as their team into a team domain: `acme`, `Acme.cloudflareaccess.com`,
 * `https://acme.cloudflareaccess.com/`, or a loopback host with its port, for the sandbox. `undefined`
 * when it is none of these.
 */
export function normaliseTeamDomain(text: string): string | undefined {
  const host = text
    .trim()
    .toLowerCase()
    .replace(/^https?:\/\//, '')
    .replace(/\/$/, '');
  if (!/^[a-z0-9_.:[\]-]+$/.test(host) || host.endsWith('.')) return undefined;
  if (!URL.canParse(`http://${host}`)) return undefined;
  const url = new URL(`http://${host}`);
  if (isLoopback(url)) return url.host === host ? host : undefined;
  const domain = host.includes('.') ? host : `${host}.cloudflareaccess.com`;
  return isAccessTeamHost(domain) ? domain : undefined;
}

/** Which authorization servers the person trusts besides Access's. */
export interface IssuerTrust {
  /** The pinned team's domain, as `normaliseTeamDomain` gives it. */
  readonly team?: string | undefined;
  /** The listed issuers. */
  readonly authorizationServers: readonly URL[];
  /**
   * By a listed issuer's `href`: the hosts that may receive its tokens even if these do not name the
   * resource.
   */
  readonly boundHosts?: ReadonlyMap<string, readonly HostPattern[]>;
}

/**
 * The team domain whose issuer this is. A team's issuer is exactly its origin, so
 * `https://acme.cloudflareaccess.com//evil` is no team's. Does not check whether the team is trusted.
 */
export function teamOfIssuer(issuer: URL): string | undefined {
  const { protocol, host, href } = issuer;
  const isTeam = isAccessTeamHost(host) ? protocol === 'https:' : isLoopback(issuer);
  return isTeam && href === `${protocol}//${host}/` ? host : undefined;
}

/**
 * Whether `issuer` may sign people in for `resource`: a team of Access (only the pinned one, if there is
 * one), a listed issuer (compared as a whole), or any if both are on loopback. An issuer with userinfo, a
 * query or a fragment (RFC 8414 §2), or over http beyond loopback, never is.
 */
export function trustsIssuer(issuer: URL, resource: URL, trust: IssuerTrust): boolean {
  if (issuer.username || issuer.password || issuer.href.includes('?') || issuer.href.includes('#'))
    return false;
  if (!isSecure(issuer)) return false;
  if (trust.authorizationServers.some((listed) => listed.href === issuer.href)) return true;
  if (isLoopback(issuer)) return isLoopback(resource);
  const team = teamOfIssuer(issuer);
  return team !== undefined && isTrustedTeam(team, trust.team);
}

/** Whether `host` is a team of Access, and the pinned one if there is one. */
export function isTrustedTeam(host: string, pinnedTeam: string | undefined): boolean {
  return isAccessTeamHost(host) && (pinnedTeam === undefined || host === pinnedTeam);
}
