/** A redirection URI that an authorization server does not accept, and what its administrator can do. */
import { AccessError } from '../errors.ts';
import type { Step } from '../next-step.ts';

/** Access has no error code for this; only the text of its answer tells. */
export function namesRedirectUri(words: string | undefined): boolean {
  return words !== undefined && /redirect(?:ion)?[ _-]?uri|localhost|loopback/i.test(words);
}

export function howToAllow(host: string, redirectUri: string): Step {
  return {
    do: 'ask_operator',
    host,
    to: `allow this redirection URI. At Access, an administrator does so in the application’s Managed OAuth settings: “Allow localhost clients” for http://localhost, “Allow loopback clients” for http://127.0.0.1, or exactly ${redirectUri} under “Allowed redirect URIs”. A changed setting takes about a minute`,
  };
}

/**
 * Nobody declined: the server rejected the client's redirection URI, at registration or after the person
 * signed in.
 */
export class RedirectUriNotAllowed extends AccessError {
  constructor(host: string, redirectUri: string, words: string) {
    super(
      'registration_rejected',
      `${host} does not let this application’s sign-ins end at ${redirectUri}: ${words}.`,
      [howToAllow(host, redirectUri), { when: 'done', do: 'sign_in' }],
    );
  }
}
