/** The redirection URIs that an application takes, as far as it shows before anybody signs in. */
import { randomBytes } from 'node:crypto';
import type { Abortable } from '../../abortable.ts';
import { authorizationUrl, drawCodeVerifier } from '../../oauth/authorization.ts';
import type { ServerMetadata } from '../../oauth/server-metadata.ts';
import type { Rooms } from '../../rooms.ts';
import { quoteServerText } from '../../server-text.ts';
import { type Finding, ok, warn } from './finding.ts';

/**
 * Whether the application takes our redirection URIs, asked with the registrations that are kept: the
 * second of the two judgements comes with the authorization request (cloudflare-access.md §3).
 */
export async function checkRedirectUris(
  { rooms, signal }: { readonly rooms: Rooms; readonly signal: Abortable },
  { server, resource }: { readonly server: ServerMetadata; readonly resource: string },
): Promise<Finding[]> {
  const name = 'Redirect URIs';
  const kept = (await rooms.store.list('registration')).filter(
    ({ issuer }) => issuer === server.issuer,
  );
  if (kept.length === 0 || server.authorization_endpoint === undefined) return [];
  const verdicts = await Promise.all(
    kept.map(async ({ client, redirectUri }) => {
      const { challenge } = await drawCodeVerifier();
      const state = randomBytes(32).toString('base64url');
      const { clientId } = client;
      const request = { clientId, redirectUri, codeChallenge: challenge, state, resource };
      const answer = await rooms.fetch(authorizationUrl(server, request), { signal });
      return { redirectUri, refusal: refusalIn(answer, redirectUri) };
    }),
  );
  const refused = verdicts.filter(({ refusal }) => refusal !== undefined);
  const taken = verdicts.filter(({ refusal }) => refusal === undefined);
  if (refused.length === 0) {
    return [ok(name, `${list(taken)}: not refused by the application`)];
  }
  const text = `the application refuses ${list(refused)}, in its words: ${quoteServerText(refused[0]?.refusal ?? '')}`;
  return [
    taken.length > 0
      ? warn(name, `${text}; ${list(taken)} is not refused`, 'Sign-ins use the one that is taken.')
      : warn(
          name,
          text,
          `A sign-in tries the other loopback name once. If that is refused too, an administrator turns on “Allow localhost clients” or “Allow loopback clients” in the application’s Managed OAuth settings, or adds ${list(refused)} to its “Allowed redirect URIs”.`,
        ),
  ];
}

const list = (verdicts: readonly { readonly redirectUri: string }[]): string =>
  verdicts.map(({ redirectUri }) => redirectUri).join(', ');

/** The server’s words, where the answer says no before anybody has signed in. */
function refusalIn(answer: Response, redirectUri: string): string | undefined {
  const location = answer.headers.get('location') ?? '';
  if (URL.canParse(location)) {
    const url = new URL(location);
    const isBack = url.origin + url.pathname === redirectUri;
    const error = isBack ? url.searchParams.get('error') : null;
    if (error !== null) return url.searchParams.get('error_description') ?? error;
  }
  return answer.status === 400 ? 'status 400' : undefined;
}
