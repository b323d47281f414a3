/** Makes the session to store from a token response. */
import type { Tokens } from '../oauth/token.ts';
import type { Grant, Session } from './records.ts';

/** Keeps the old refresh token when the response brings no new one (RFC 6749 §6). */
export function sessionFrom(
  session: Pick<Session, 'resource' | 'method' | 'signedInAt' | 'teamDomain' | 'audience'>,
  grant: Grant,
  tokens: Tokens,
  obtainedAt: number,
): Session {
  const { refreshToken = grant.refreshToken, scope = grant.scope } = tokens;
  // `confirmed` was about the previous access token.
  const { confirmed: _, ...lasting } = grant;
  return {
    format: 1,
    resource: session.resource,
    method: session.method,
    accessToken: tokens.accessToken,
    obtainedAt,
    signedInAt: session.signedInAt ?? obtainedAt,
    ...(tokens.expiresIn === undefined ? {} : { expiresAt: obtainedAt + tokens.expiresIn * 1000 }),
    grant: {
      ...lasting,
      ...(refreshToken === undefined ? {} : { refreshToken }),
      ...(scope === undefined ? {} : { scope }),
      ...(tokens.confirmed ? { confirmed: true } : {}),
    },
    ...(session.teamDomain === undefined ? {} : { teamDomain: session.teamDomain }),
    ...(session.audience === undefined ? {} : { audience: session.audience }),
  };
}

/** Whether one person's sign-in, and no other since, has given both. */
export function isSameSignIn(one: Session, other: Session): boolean {
  const signedIn = ({ signedInAt, obtainedAt }: Session) => signedInAt ?? obtainedAt;
  return one.method === other.method && signedIn(one) === signedIn(other);
}
