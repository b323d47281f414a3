/**
 * Refusals in words: what Access said no to, and what the person can do about it. Signing in again
 * is never the answer here, so that no caller goes round in circles.
 */
import { AccessError } from '../errors.ts';
import { quoteServerText } from '../server-text.ts';
import type { Guard, UnsignedClaims } from './protection.ts';

/**
 * The error that `guard` stands for at `url`; `undefined` when it is no refusal. `asPerson`: a
 * person's session was sent, so that somebody else's might be let in.
 */
export function refusalFor(guard: Guard, url: URL, asPerson = false): AccessError | undefined {
  const { host } = url;
  if (guard.protection === 'none' && guard.trouble === 'tunnel_down') {
    return new AccessError(
      'temporarily_unavailable',
      `Cloudflare cannot reach the server behind ${host}: its tunnel is down (error 1033).`,
      `Nobody needs to sign in. Try again in a few minutes; if it stays so, tell the person that the tunnel (cloudflared) of ${host} has to be started by whoever runs it.`,
    );
  }
  if (guard.protection !== 'denied') return undefined;
  if (guard.reason === 'no_application') {
    return new AccessError(
      'access_denied',
      `${host} is behind Cloudflare Access, but no Access application covers it (error 1043): nobody can sign in to it.`,
      `Do not sign in again: it cannot help. Tell the person that an administrator of ${whose(guard.claims)} has to create an Access application for ${host}, or that the URL may be wrong.`,
    );
  }
  const words = guard.words ? `, in its words: ${quoteServerText(guard.words)}` : '';
  const allow = `Ask the person to have an administrator of ${whose(guard.claims)} allow them (or the service token) in the application's policies`;
  return new AccessError(
    'access_denied',
    `Cloudflare Access refuses the request to ${host}${words}. A policy of the application does not allow ${asPerson ? 'this identity' : 'it'}.`,
    asPerson
      ? `Do not sign in again as the same person: the answer would be the same. ${allow}, or to sign in as somebody who is allowed: authenticate with force.`
      : `Do not sign in: it was refused without asking who it is, and the answer would be the same. ${allow}.`,
  );
}

/** For an application that offers no way of signing in that this machine can use. */
export function noUsableSignIn(url: URL, claims: UnsignedClaims, why: string): AccessError {
  return new AccessError(
    'access_denied',
    `${url.host} cannot be signed in to from here: ${why}.`,
    `Ask the person to have an administrator of ${whose(claims)} turn on Managed OAuth or a login method for this application, or to give this server a service token that its policies allow (CF_ACCESS_CLIENT_ID, CF_ACCESS_CLIENT_SECRET, CF_ACCESS_HOSTS=${url.host}).`,
  );
}

function whose({ teamDomain }: UnsignedClaims): string {
  return teamDomain
    ? `the Zero Trust organisation that it claims to be of (${teamDomain})`
    : 'its Cloudflare Zero Trust organisation';
}
