/** What is said where only a person could get in, and this call does not ask one. */
import { asksAsAccess, type Guard } from '../cloudflare/protection.ts';
import { AccessError } from '../errors.ts';

/**
 * `headless`: this server never asks anybody. `not_in_this_call`: the caller has forbidden it.
 * `token`: get_token never does.
 */
export function signInRequired(
  url: URL,
  why: 'headless' | 'not_in_this_call' | 'token',
  guard: Guard,
): AccessError {
  const [message, nextStep] = words(url, why, guard);
  return new AccessError('sign_in_required', message, nextStep);
}

function words(
  { host, origin, pathname }: URL,
  why: 'headless' | 'not_in_this_call' | 'token',
  guard: Guard,
): [message: string, nextStep: string] {
  switch (why) {
    case 'token':
      return [
        `There is no session for ${host}.`,
        'Call authenticate with this URL first; get_token never starts a sign-in.',
      ];
    case 'not_in_this_call':
      return [
        `${host} requires a person to sign in, and this call does not allow that.`,
        `Call authenticate with the URL ${origin}${pathname} first, or this call with "sign_in": true.`,
      ];
    case 'headless': {
      const elsewhere =
        'run this server without CF_ACCESS_HEADLESS (and CI) where a person can sign in';
      return asksAsAccess(guard)
        ? [
            `${host} requires a person to sign in, and this server runs headless: it never asks anyone to.`,
            `Ask the person for a service token that the application allows, set as CF_ACCESS_CLIENT_ID, CF_ACCESS_CLIENT_SECRET and CF_ACCESS_HOSTS=${host}; or to ${elsewhere}.`,
          ]
        : [
            `${host} requires a person to sign in at an authorization server that is not Cloudflare Access, where a service token does not help, and this server runs headless: it never asks anyone to sign in.`,
            `Ask the person to ${elsewhere}, or for a token of the application’s own, to be passed in the headers of access_fetch.`,
          ];
    }
  }
}
