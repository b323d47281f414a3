/**
 * Access's signed answer, the only proof that a host belongs to a team: a `HEAD` request with
 * `cf-access-metadata-request: true` returns a JWT in `cf-access-metadata`. Cloudflare does not document
 * it, so its absence proves nothing.
 */
import type { Abortable } from '../abortable.ts';
import { isAccessError } from '../errors.ts';
import type { ProtocolFetch } from '../http/protocol-fetch.ts';
import { atPath, isLoopback } from '../secure-url.ts';
import { clockIsWrong, skewOf, toleratedSkewMs } from './clock-skew.ts';
import { type Jwt, readJwt } from './jwt.ts';
import { isSignedBy, rs256KeyId } from './jwt-signature.ts';
import { keysUntil, type SigningKeys } from './signing-keys.ts';
import { isAccessTeamHost } from './team.ts';

/**
 * A forged answer is a value and not an error: it is a finding about the host, to be shown with the
 * others. The caller must not send a credential there.
 */
export type SignedAnswer =
  | {
      readonly verified: true;
      readonly teamDomain: string;
      /** The application's audience tag: 64 hex digits. */
      readonly audience: string;
      /** The application's domain, which may be a wildcard or carry a path. */
      readonly applicationDomain: string;
      /** The host exists only with the URL's query: the path alone was not found. */
      readonly needsQuery?: true;
      /**
       * How far this machine's clock is ahead of the one of whoever gave it (milliseconds), where that is
       * more than is tolerated. The answer is good for a day, but what a sign-in brings may have expired.
       */
      readonly clockAheadMs?: number;
    }
  /** There was an answer, but it is not valid. `why` is in our own words. */
  | {
      readonly verified: false;
      readonly why: string;
      /** Seconds since the epoch, if only the time is invalid: this machine's clock may be wrong. */
      readonly issuedAt?: number;
    };

export interface SignedAnswerOptions {
  readonly fetch: ProtocolFetch;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly keys: SigningKeys;
  readonly withQuery?: boolean;
  readonly signal?: Abortable | undefined;
}

const maxAgeSeconds = 24 * 3600;
const maxAheadSeconds = toleratedSkewMs / 1000;

/**
 * Asks `url`'s host, with the URL's path and without its query, unless that is wanted too. `undefined`: it
 * gave no such answer; `no_page`: the path alone leads nowhere. Throws what `fetch` throws, and
 * `temporarily_unavailable` when the team's keys cannot be had or this machine's clock is wrong.
 */
export async function askSignedAnswer(
  url: URL,
  { fetch, now, keys, withQuery = false, signal }: SignedAnswerOptions,
): Promise<SignedAnswer | 'no_page' | undefined> {
  const asked = atPath(url, url.pathname);
  if (withQuery) asked.search = url.search;
  const answer = await fetch(asked, {
    method: 'HEAD',
    headers: { 'cf-access-metadata-request': 'true' },
    signal,
  });
  const text = answer.headers.get('cf-access-metadata');
  if (text === null || text === '') return answer.status === 404 ? 'no_page' : undefined;
  const told = await verifySignedAnswer(text, url, { now, keys: keysUntil(keys, signal) });
  const issuedAt = told.verified ? undefined : told.issuedAt;
  const aheadMs = skewOf(answer.headers, now());
  // By the clock of whoever gave it, the answer is of today.
  if (
    issuedAt !== undefined &&
    aheadMs !== undefined &&
    isCurrent(issuedAt, (now() - aheadMs) / 1000)
  ) {
    throw clockIsWrong(url, aheadMs);
  }
  if (!told.verified) return told;
  const { iat } = readJwt(text)?.claims ?? {};
  // Where it is of this very moment by our clock, that is right, and the other one is not.
  const isAhead = typeof iat === 'number' && now() - iat * 1000 > toleratedSkewMs;
  return {
    ...told,
    ...(withQuery ? { needsQuery: true } : {}),
    ...(aheadMs !== undefined && isAhead ? { clockAheadMs: aheadMs } : {}),
  };
}

/** Verifies `text`, the field's value in an answer from `url`'s host. */
export async function verifySignedAnswer(
  text: string,
  url: URL,
  { now, keys }: Pick<SignedAnswerOptions, 'now' | 'keys'>,
): Promise<SignedAnswer> {
  const forged = (why: string) => ({ verified: false, why }) as const;
  const jwt = readJwt(text);
  if (!jwt) return forged('it is not a signed token');
  const keyId = rs256KeyId(jwt);
  if (keyId === undefined) return forged('it is not signed by RS256');

  const { type, hostname, auth_domain: teamDomain, iat } = jwt.claims;
  const audience = readAudience(jwt);
  // In older answers it is missing or empty: then the application's domain is the host itself.
  const applicationDomain = jwt.claims.app_hostname || hostname;
  if (type !== 'match') return forged('it is not about this request');
  if (typeof hostname !== 'string' || hostname.toLowerCase() !== url.host)
    return forged('it is for another host');
  if (typeof iat !== 'number' || !isCurrent(iat, now() / 1000))
    return {
      ...forged('it has no valid time, is more than a day old, or is from the future'),
      ...(typeof iat === 'number' ? { issuedAt: iat } : {}),
    };
  if (
    !audience ||
    typeof applicationDomain !== 'string' ||
    !/^[\w.:[\]*/~%-]{1,255}$/.test(applicationDomain)
  ) {
    return forged('it names no application');
  }
  const team = typeof teamDomain === 'string' ? teamOrigin(teamDomain, url) : undefined;
  if (!team) return forged('it names no team of Cloudflare Access');

  let key: Awaited<ReturnType<SigningKeys['find']>>;
  try {
    key = await keys.find(team, keyId);
  } catch (error) {
    if (isAccessError(error, 'invalid_server_metadata'))
      return forged('the team that it names has no keys');
    throw error;
  }
  if (!key || !isSignedBy(jwt, key)) return forged('the team that it names did not sign it');
  return { verified: true, teamDomain: team.host, audience, applicationDomain };
}

function isCurrent(iat: number, nowSeconds: number): boolean {
  return iat >= nowSeconds - maxAgeSeconds && iat <= nowSeconds + maxAheadSeconds;
}

function readAudience({ claims: { aud } }: Jwt): string | undefined {
  const one = Array.isArray(aud) && aud.length === 1 ? aud[0] : aud;
  return typeof one === 'string' && /^[0-9a-f]{64}$/.test(one) ? one : undefined;
}

/** The team's origin: https at Cloudflare; on loopback, with the scheme of the requested URL. */
function teamOrigin(teamDomain: string, asked: URL): URL | undefined {
  if (isAccessTeamHost(teamDomain)) return new URL(`https://${teamDomain}`);
  if (!isLoopback(asked) || !URL.canParse(`${asked.protocol}//${teamDomain}`)) return undefined;
  const team = new URL(`${asked.protocol}//${teamDomain}`);
  return isLoopback(team) && team.host === teamDomain ? team : undefined;
}
