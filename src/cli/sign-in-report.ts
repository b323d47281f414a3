/** What came of a sign-in: for the person, or as the tool authenticate says it. */
import { readJwt } from '../cloudflare/jwt.ts';
import type { Rooms } from '../rooms.ts';
import { cleanServerText } from '../server-text.ts';
import type { Authenticated } from '../session/authenticate.ts';
import type { Held } from '../session/held.ts';
import { instant } from '../tools/tool.ts';
import { whenFrom } from './durations.ts';
import type { Shell } from './shell.ts';

/** Prints how it stands; returns the exit code: 0 when the URL can be fetched now, else 1. */
export function reportSignIn(
  shell: Shell,
  url: URL,
  outcome: Authenticated,
  { access, clock }: Rooms,
  { json }: { json: boolean },
): number {
  const { out, err } = shell;
  switch (outcome.status) {
    case 'not_needed':
      if (json) out.line(JSON.stringify({ status: 'not_needed', ...nothing }));
      else out.line(`${url.host} asks for nothing: fetch it as it is.`);
      return 0;
    case 'authenticated': {
      const { held } = outcome;
      const { resource, method, expiresAt } = held;
      if (json) {
        const expires_at = instant(expiresAt);
        out.line(
          JSON.stringify({ status: 'authenticated', ...nothing, resource, method, expires_at }),
        );
        return 0;
      }
      const person = personOf(held);
      const who = method === 'service_token' ? ' with the service token' : '';
      out.line(
        `${out.paint('green', '✓')} Signed in to ${out.paint('bold', resource)}${person ? ` as ${person}` : who}`,
      );
      const refreshed = held.session?.grant?.refreshToken !== undefined;
      if (expiresAt !== undefined) {
        const when = `${whenFrom(clock.now(), expiresAt)} (${instant(expiresAt)})`;
        out.line(
          `  The token expires ${when}${refreshed ? ', and is then refreshed silently' : ''}.`,
        );
      }
      out.line(out.paint('dim', `  by ${method.replace(/_/g, ' ')}`));
      const memoryOnly = access.memoryOnly();
      if (memoryOnly) err.line(err.paint('yellow', `It ends with this command. ${memoryOnly}`));
      return 0;
    }
    case 'pending': {
      const { resource, method, expiresAt, authorizationUrl, userCode, verificationUri } =
        outcome.signIn;
      if (json) {
        out.line(
          JSON.stringify({
            status: 'pending',
            resource,
            method,
            expires_at: instant(expiresAt),
            authorization_url: authorizationUrl ?? null,
            user_code: userCode ?? null,
            verification_uri: verificationUri ?? null,
          }),
        );
        return 1;
      }
      err.line(
        `Nobody has signed in to ${url.host} yet; the sign-in stays open ${whenFrom(clock.now(), expiresAt).replace(/^in /, 'for ')}.`,
      );
      err.line(
        err.paint(
          'dim',
          'Run the same command to go on waiting, or finish it with --callback-url.',
        ),
      );
      return 1;
    }
  }
}

const nothing = {
  resource: null,
  method: null,
  expires_at: null,
  authorization_url: null,
  user_code: null,
  verification_uri: null,
};

/** Whom Access knows the person as, where the credential says so; for show, since nothing is verified. */
function personOf({ credential }: Held): string | undefined {
  if (credential.kind !== 'cf_access_token') return undefined;
  const email = readJwt(credential.jwt)?.claims.email;
  return typeof email === 'string' && email !== '' ? cleanServerText(email) : undefined;
}
