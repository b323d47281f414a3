/**
 * The JWTs that Access issues to a person: for an application (sent as `cf-access-token`), and for the
 * team (the org token). Wherever one came from, it is stored, sent or exchanged only after its signature,
 * issuer, audience and times have been verified.
 */
import { isAccessError } from '../errors.ts';
import { isLoopback } from '../secure-url.ts';
import { toleratedSkewMs } from './clock-skew.ts';
import { readJwt } from './jwt.ts';
import { isSignedBy, rs256KeyId } from './jwt-signature.ts';
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
  /** If known: the only team that may have issued it. */
  readonly teamDomain?: string | undefined;
  /** The application. Only an application on loopback may have a team on loopback. */
  readonly application: URL;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

const untimely = ['has expired', 'is not valid yet'] as const;

/** Whether a token was refused for its times alone: it may be this machine's clock. */
export function isUntimely(why: string): boolean {
  return untimely.some((each) => each === why);
}

const notSigned = 'is not a JWT signed by RS256';

function readAccessToken(jwt: string, expected: ExpectedToken): AccessToken | string {
  const read = readJwt(jwt);
  if (!read || rs256KeyId(read) === undefined) return notSigned;
  const { aud, iss, exp, nbf, iat, type } = read.claims;
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
  if (expiresAt <= expected.now) return untimely[0];
  for (const since of [nbf, iat]) {
    if (since === undefined) continue;
    if (typeof since !== 'number' || !(since * 1000 <= expected.now + toleratedSkewMs))
      return untimely[1];
  }
  return { jwt, teamDomain, expiresAt };
}

/**
 * The token, if its team has signed it; else why it is refused, as the predicate of “the token”. Throws
 * what `keys.find` throws.
 */
export async function verifyAccessToken(
  jwt: string,
  expected: ExpectedToken,
  keys: SigningKeys,
): Promise<AccessToken | string> {
  const token = readAccessToken(jwt, expected);
  if (typeof token === 'string') return token;
  const read = readJwt(jwt);
  const keyId = read && rs256KeyId(read);
  if (!read || keyId === undefined) return notSigned;
  const protocol = isAccessTeamHost(token.teamDomain) ? 'https:' : expected.application.protocol;
  const team = new URL(`${protocol}//${token.teamDomain}`);
  const key = await keys.find(team, keyId).catch((error: unknown) => {
    // What answers there is not a team, so it cannot have signed anything.
    if (isAccessError(error, 'invalid_server_metadata')) return undefined;
    throw error;
  });
  return key && isSignedBy(read, key) ? token : 'was not signed by its team';
}

/**
 * Whether both tokens belong to the same person. Access identifies people within a team by email address;
 * `sub` decides if the login method gives no address. A token with neither matches no other.
 */
export function isSamePerson(one: AccessToken, other: AccessToken): boolean {
  const [first, second] = [claimsOf(one), claimsOf(other)];
  const name = [first, second].some(({ email }) => isName(email)) ? 'email' : 'sub';
  const [mine, theirs] = [first[name], second[name]];
  return isName(mine) && isName(theirs) && mine.toLowerCase() === theirs.toLowerCase();
}

function claimsOf({ jwt }: AccessToken): Readonly<Record<string, unknown>> {
  return readJwt(jwt)?.claims ?? {};
}

function isName(claim: unknown): claim is string {
  return typeof claim === 'string' && claim !== '';
}

function readTeam(issuer: URL, application: URL): string | undefined {
  const team = teamOfIssuer(issuer);
  if (team === undefined || isAccessTeamHost(team)) return team;
  const local = isLoopback(application) && issuer.protocol === application.protocol;
  return local ? team : undefined;
}
