/** What came of a sign-in: for the person, or as the tool authenticate says it. */
import { readJwt } from '../cloudflare/jwt.ts';
import type { Rooms } from '../rooms.ts';
import { cleanServerText } from '../server-text.ts';
import type { Authenticated } from '../session/authenticate.ts';
import type { Held } from '../session/held.ts';
import { instant } from '../tools/tool.ts';
import { whenFrom } from './durations.ts';
import { inCommands } from './failure.ts';
import type { Shell } from './shell.ts';

/** Prints how it stands; returns the exit code: 0 when the URL can be fetched now, else 1. */
export async function reportSignIn(
  shell: Shell,
  url: URL,
  outcome: Authenticated,
  { access, clock }: Rooms,
  { json }: { json: boolean },
): Promise<number> {
  const { out, err } = shell;
  if (json) {
    const { authenticateResult } = await import('../tools/authenticate.ts');
    const result = authenticateResult(url, outcome, { access });
    const next_step = inCommands(String(result.next_step));
    out.line(JSON.stringify({ ...result, next_step }));
    return outcome.status === 'pending' ? 1 : 0;
  }
  switch (outcome.status) {
    case 'not_needed':
      out.line(`${url.host} asks for nothing: fetch it as it is.`);
      return 0;
    case 'authenticated': {
      const { held } = outcome;
      const { resource, method, expiresAt } = held;
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
      const { expiresAt } = outcome.signIn;
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

/** Whom Access knows the person as, where the credential says so; for show, since nothing is verified. */
function personOf({ credential }: Held): string | undefined {
  if (credential.kind !== 'cf_access_token') return undefined;
  const email = readJwt(credential.jwt)?.claims.email;
  return typeof email === 'string' && email !== '' ? cleanServerText(email) : undefined;
}
