/** Reports the outcome of a sign-in: for people, or as JSON like the tool authenticate. */

import type { Authenticated } from '../../access/authenticate.ts';
import { readJwt } from '../../cloudflare/jwt.ts';
import { instant } from '../../instant.ts';
import type { NextStep } from '../../next-step.ts';
import type { Rooms } from '../../rooms.ts';
import { cleanServerText } from '../../server-text.ts';
import type { ResourceCredential } from '../../session/resource-credential.ts';
import type { SignIn } from '../../sign-in/sign-in.ts';
import { whenFrom } from './durations.ts';
import type { Shell } from './shell.ts';
import { stepForPeople } from './step-for-people.ts';

/** Prints the outcome; returns the exit code: 0 if the URL can be fetched now, else 1. */
export async function reportSignIn(
  shell: Shell,
  url: URL,
  outcome: Authenticated,
  { access, clock }: Rooms,
  { json }: { json: boolean },
): Promise<number> {
  const { out, err, environment } = shell;
  if (json) {
    const { authenticateResult } = await import('../../tools/authenticate.ts');
    const render = (nextStep: NextStep) => stepForPeople(nextStep, { environment, url });
    const result = authenticateResult(url, outcome, { access }, render);
    const lost = outcome.status === 'pending' && endsHere(outcome.signIn, access);
    const own = lost
      ? { expires_at: null, next_step: `This sign-in has ended with this command. ${waitLonger}` }
      : {};
    out.line(JSON.stringify({ ...result, ...own }));
    return outcome.status === 'pending' ? 1 : 0;
  }
  switch (outcome.status) {
    case 'not_needed':
      out.line(`${url.host} needs no credential: fetch it as it is.`);
      return 0;
    case 'authenticated': {
      const { credential } = outcome;
      const { resource, method, expiresAt } = credential;
      const person = personOf(credential);
      const who = method === 'service_token' ? ' with the service token' : '';
      out.line(
        `${out.paint('green', '✓')} Signed in to ${out.paint('bold', resource)}${person ? ` as ${person}` : who}`,
      );
      const refreshed = credential.session?.grant?.refreshToken !== undefined;
      if (expiresAt !== undefined) {
        const when = `${whenFrom(clock.now(), expiresAt)} (${instant(expiresAt)})`;
        out.line(
          `  The token expires ${when}${refreshed ? ', and is then refreshed silently' : ''}.`,
        );
      }
      const issuer = credential.session?.grant?.issuer;
      const at = issuer === undefined ? '' : ` at ${issuer}`;
      out.line(out.paint('dim', `  by ${method.replace(/_/g, ' ')}${at}`));
      const memoryOnly = access.memoryOnly();
      if (memoryOnly) err.line(err.paint('yellow', `It ends with this command. ${memoryOnly}`));
      return 0;
    }
    case 'pending': {
      const { signIn } = outcome;
      const nobody = `Nobody has signed in to ${url.host} yet`;
      if (endsHere(signIn, access)) {
        const memoryOnly = access.memoryOnly();
        err.line(
          `${nobody}, and this sign-in ends with this command, because no other process can finish it.`,
        );
        err.line(err.paint('dim', memoryOnly ? `${waitLonger} ${memoryOnly}` : waitLonger));
        return 1;
      }
      const left = whenFrom(clock.now(), signIn.expiresAt).replace(/^in /, 'for ');
      err.line(`${nobody}; the sign-in stays open ${left}.`);
      const finish =
        signIn.method === 'authorization_code' ? ', or finish it with --callback-url' : '';
      err.line(err.paint('dim', `Run the same command to go on waiting${finish}.`));
      return 1;
    }
  }
}

const waitLonger = 'Run it again with a --wait that is long enough to sign in.';

/**
 * Whether this process alone can finish the sign-in: a transfer's key and a device code are never stored,
 * and without a data folder nothing is.
 */
function endsHere({ mine, method }: SignIn, access: Pick<Rooms['access'], 'memoryOnly'>): boolean {
  return mine && (method !== 'authorization_code' || access.memoryOnly() !== undefined);
}

/**
 * The person's email address, if the credential contains it. Only for display, since it is not verified.
 */
function personOf({ credential }: ResourceCredential): string | undefined {
  if (credential.kind !== 'cf_access_token') return undefined;
  const email = readJwt(credential.jwt)?.claims.email;
  return typeof email === 'string' && email !== '' ? cleanServerText(email) : undefined;
}
