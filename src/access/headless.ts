/** What is said where only a person could help and this server never asks one. */
import { asksAsAccess, type Guard } from '../cloudflare/protection.ts';
import { AccessError } from '../errors.ts';

export function personNeeded({ host }: URL, guard: Guard): AccessError {
  const elsewhere =
    'run this server without CF_ACCESS_HEADLESS (and CI) where a person can sign in';
  if (!asksAsAccess(guard)) {
    return new AccessError(
      'sign_in_required',
      `${host} wants a person to sign in at an authorization server that is not Cloudflare Access, where no service token helps, and this server runs headless: it never asks one.`,
      `Ask the person to ${elsewhere}, or for a token of the application’s own, to be passed in the headers of access_fetch.`,
    );
  }
  return new AccessError(
    'sign_in_required',
    `${host} wants a person to sign in, and this server runs headless: it never asks one.`,
    `Ask the person for a service token that the application allows, set as CF_ACCESS_CLIENT_ID, CF_ACCESS_CLIENT_SECRET and CF_ACCESS_HOSTS=${host}; or to ${elsewhere}.`,
  );
}
