/**
 * The JWTs that Access issues to a person: for an application (sent as `cf-access-token`), and for
 * the team (the org token). Checked for whom they are for and how long they live; who signed them is
 * checked where keys are at hand, and by Access itself on every use.
 */

import { isLoopback } from '../secure-url.ts';
import { isSignedBy, readJwt, rs256KeyId } from './jwt.ts';
import type { SigningKeys } from './signing-keys.ts';
import { isAccessTeamHost, teamOfIssuer } from './team.ts';

export interface AccessToken {
  readonly jwt: string;
  readonly teamDomain: string;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
}

export interface ExpectedToken {
  /** The application's audience tag; absent for an org token, whose audience is the team's own. */
  readonly audience?: string | undefined;
  /** Where known: the only team that may have issued it. */
  readonly teamDomain?: string | undefined;
  /** The application; only one on loopback may have a team on loopback. */
  readonly application: URL;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** The token, or why it is refused, in words that follow “the token”. */
export function readAccessToken(jwt: string, expected: ExpectedToken): AccessToken | string {
  const read = readJwt(jwt);
  if (!read || rs256KeyId(read) === undefined) return 'is not a JWT signed by RS256';
  const { aud, iss, exp, type } = read.claims;
  if (expected.audience === undefined) {
    if (type !== undefined && type !== 'org') return 'is not the team’s';
  } else if (!(Array.isArray(aud) ? aud : [aud]).includes(expected.audience)) {
    return 'is for another application';
  }
  const issuer = typeof iss === 'string' && URL.canParse(iss) ? new URL(iss) : undefined;
  const teamDomain = issuer && readTeam(issuer, expected.application);
  if (!teamDomain) return 'was not issued by a team of Cloudflare Access';
  if (expected.teamDomain !== undefined && teamDomain !== expected.teamDomain)
    return 'was issued by another team';
  if (typeof exp !== 'number' || !Number.isFinite(exp)) return 'does not say how long it lives';
  const expiresAt = exp * 1000;
  if (expiresAt <= expected.now) return 'has expired';
  return { jwt, teamDomain, expiresAt };
}

/** As `readAccessToken`, and signed by a key of its team. Throws what `keys.find` throws. */
export async function verifyAccessToken(
  jwt: string,
  expected: ExpectedToken,
  keys: SigningKeys,
): Promise<AccessToken | string> {
  const token = readAccessToken(jwt, expected);
  const read = readJwt(jwt);
  if (typeof token === 'string' || !read) return token;
  const protocol = isAccessTeamHost(token.teamDomain) ? 'https:' : expected.application.protocol;
  const key = await keys.find(new URL(`${protocol}//${token.teamDomain}`), rs256KeyId(read) ?? '');
  return key && isSignedBy(read, key) ? token : 'was not signed by its team';
}

function readTeam(issuer: URL, application: URL): string | undefined {
  const team = teamOfIssuer(issuer);
  if (team === undefined || isAccessTeamHost(team)) return team;
  const local = isLoopback(application) && issuer.protocol === application.protocol;
  return local ? team : undefined;
}
