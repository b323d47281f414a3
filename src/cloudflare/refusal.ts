/**
 * Explains refusals: what Access refused, and what the person can do about it. Signing in again as the
 * same person is never suggested, since it would lead to the same refusal.
 */
import { AccessError } from '../errors.ts';
import { quoteServerText } from '../server-text.ts';
import type { Guard, UnsignedClaims } from './protection.ts';

/**
 * The error that `guard` stands for at `url`; `undefined` when it is no refusal. `asPerson`: a
 * person's session was sent. A policy refuses nobody who has sent nothing: that is for
 * `refusedUnasked`, where nothing can be sent.
 */
export function refusalFor(guard: Guard, url: URL, asPerson = false): AccessError | undefined {
  const { host } = url;
  if (guard.protection === 'none' && guard.trouble === 'tunnel_down') {
    return new AccessError(
      'temporarily_unavailable',
      `Cloudflare cannot reach the server behind ${host}: its tunnel is down (error 1033).`,
      [
        { do: 'avoid_sign_in', why: 'not_needed' },
        { do: 'retry', afterSeconds: 180 },
        { when: 'persists', do: 'ask_operator', host, to: 'start its tunnel (cloudflared)' },
      ],
    );
  }
  if (guard.protection === 'other' && guard.how === 'identity_provider') {
    const team = guard.claims.teamDomain ? ` (${quoteServerText(guard.claims.teamDomain)})` : '';
    return new AccessError(
      'access_denied',
      `${host} signs people in by itself, with Cloudflare Access${team} as its identity provider. What counts there is its own session: no token of Access’s gets in, an API key or a service account of the application does.`,
      [{ do: 'use_own_credential' }],
    );
  }
  if (guard.protection !== 'denied') return undefined;
  if (guard.reason === 'no_application') {
    return new AccessError(
      'access_denied',
      `${host} is behind Cloudflare Access, but no Access application covers it (error 1043): nobody can sign in to it.`,
      [
        { do: 'avoid_sign_in', why: 'same_answer' },
        {
          do: 'ask_administrator',
          ...claimedBy(guard.claims),
          to: `create an Access application for ${host}`,
        },
        { when: 'otherwise', do: 'check', whether: 'the URL is right' },
      ],
    );
  }
  if (!asPerson) return undefined;
  return new AccessError(
    'access_denied',
    `Cloudflare Access refuses the request to ${host}${inItsWords(guard)}. A policy of the application does not allow this identity.`,
    [
      { do: 'avoid_sign_in', why: 'same_person' },
      {
        do: 'ask_administrator',
        ...claimedBy(guard.claims),
        to: 'allow the account (or the service token) in the application’s policies',
      },
      { when: 'as_another', do: 'sign_in', force: true },
    ],
  );
}

/** For a `Cf-Access-Error` to a stranger, where nobody can sign in and no service token may be sent. */
export function refusedUnasked(guard: Guard, url: URL): AccessError {
  const { host } = url;
  return new AccessError(
    'access_denied',
    `Cloudflare Access refuses the request to ${host}${inItsWords(guard)}, without asking who it is; and nothing there proves an application that a person could sign in to.`,
    [
      { do: 'avoid_sign_in', why: 'not_asked' },
      { do: 'use_service_token', host },
      {
        do: 'ask_administrator',
        when: 'otherwise',
        to: 'turn on a way of signing in to the application',
        ...claimedBy(guard.claims),
      },
    ],
  );
}

function inItsWords(guard: Guard): string {
  const words = guard.protection === 'denied' ? guard.words : undefined;
  return words === undefined ? '' : `, in its words: ${quoteServerText(words)}`;
}

/** For an application that offers no way to sign in that this program supports. */
export function noUsableSignIn(url: URL, claims: UnsignedClaims, why: string): AccessError {
  return new AccessError('access_denied', `${url.host} cannot be signed in to from here: ${why}.`, [
    {
      do: 'ask_administrator',
      ...claimedBy(claims),
      to: 'turn on Managed OAuth or a login method for this application',
    },
    { when: 'otherwise', do: 'use_service_token', host: url.host },
  ]);
}

function claimedBy({ teamDomain }: UnsignedClaims): { claimedTeam?: string } {
  return teamDomain ? { claimedTeam: teamDomain } : {};
}
