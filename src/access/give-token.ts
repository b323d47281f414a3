/** The credential itself, for those who make requests of their own. Refreshes; never signs in. */
import { readJwt } from '../cloudflare/jwt.ts';
import { refusalFor } from '../cloudflare/refusal.ts';
import { AccessError } from '../errors.ts';
import { type Credential, credentialFields } from '../secrets/credential.ts';
import type { Held } from '../session/held-credential.ts';
import type { Sessions } from '../session/sessions.ts';
import { isBareBearer } from '../sign-in/target.ts';
import type { Credentials } from './credentials.ts';
import { type Gate, probe } from './guarded-request.ts';
import type { ServiceTokens } from './service-tokens.ts';
import type { Ways } from './ways.ts';

export interface GivenToken {
  readonly resource: string;
  /** `Authorization` or `cf-access-token`. */
  readonly header: string;
  readonly value: string;
  readonly expiresAt?: number;
}

/**
 * Throws `sign_in_required`, `service_token_not_disclosed`, the service token errors, and what a
 * refresh throws. A refresh token or a service secret is never given.
 */
export type GiveToken = (
  url: URL,
  options: { minTtlMs: number; signal?: AbortSignal | undefined },
) => Promise<GivenToken>;

export function createGiveToken(parts: {
  readonly gate: Gate;
  readonly credentials: Credentials;
  readonly sessions: Sessions;
  readonly serviceTokens: ServiceTokens;
  readonly ways: Ways;
}): GiveToken {
  const { gate, credentials, sessions, serviceTokens, ways } = parts;

  return async (url, { minTtlMs, signal }) => {
    const held = await credentials.held(url, minTtlMs, signal);
    const isPair = held?.credential.kind === 'service_token';
    // An application's JWT is renewed by the team's org token: that takes asking the application first.
    const isShort =
      held?.method === 'browser_transfer' &&
      held.session !== undefined &&
      !sessions.isFresh(held.session, minTtlMs);
    if (held && !isPair && !isShort) return given(held, held.credential);
    const asked = await probe(gate, url, signal);
    const { protection } = asked.guard;
    const refusal = refusalFor(asked.guard, url);
    if (refusal) throw refusal;
    if (protection === 'none') {
      throw new AccessError(
        'invalid_input',
        `${url.host} asks for no credential, so there is no token for it.`,
        'Request the URL as it is.',
      );
    }
    if (protection === 'browser_login' && !isPair) {
      const target = await ways.target(asked, signal);
      const silent = (target && (await ways.silent(target, held, signal))) ?? held;
      if (silent) {
        credentials.remember(silent);
        return given(silent, silent.credential);
      }
    }
    const onlyPersons = protection === 'oauth' || isBareBearer(asked.guard, asked.challenges);
    if (onlyPersons) throw signInRequired(url);
    if (protection === 'managed_oauth' || protection === 'browser_login') {
      const { state } = await serviceTokens.choose(url, signal);
      if (state !== 'ready') throw signInRequired(url);
    }
    const pair = await serviceTokens.grant(asked, undefined, signal);
    if (pair instanceof AccessError) throw pair;
    try {
      return await applicationToken(url, pair, signal);
    } finally {
      // Asking for a token does not decide how the URL is fetched from now on.
      if (!isPair) serviceTokens.release(url);
    }
  };

  /** What a classic organisation answers a service token with: a JWT for the application. */
  async function applicationToken(
    url: URL,
    { credential, resource }: Held,
    signal: AbortSignal | undefined,
  ): Promise<GivenToken> {
    const { answer } = await serviceTokens.present(url, credential, signal);
    const jwt = answer.headers
      .getSetCookie()
      .map((cookie) => /^CF_Authorization=([\w-]+\.[\w-]+\.[\w-]+)(?:;|$)/.exec(cookie)?.[1])
      .find((value) => value !== undefined);
    if (jwt === undefined) {
      throw new AccessError(
        'service_token_not_disclosed',
        `${url.host} is reached with a service token, whose secret is never given, and Access issued no token for the application.`,
        'Use access_fetch, which sends the service token itself; or have the person run the other program with the service token in its own environment.',
      );
    }
    const exp = readJwt(jwt)?.claims.exp;
    return given(
      {
        resource,
        ...(typeof exp === 'number' && Number.isFinite(exp) ? { expiresAt: exp * 1000 } : {}),
      },
      { kind: 'cf_access_token', jwt },
    );
  }
}

function given(
  { resource, expiresAt }: { resource: string; expiresAt?: number },
  credential: Credential,
): GivenToken {
  const [field] = credentialFields(credential);
  if (field === undefined || credential.kind === 'service_token') {
    throw new Error('a service token is never given');
  }
  return {
    resource,
    header: credential.kind === 'oauth' ? 'Authorization' : field[0],
    value: field[1],
    ...(expiresAt === undefined ? {} : { expiresAt }),
  };
}

function signInRequired(url: URL): AccessError {
  return new AccessError(
    'sign_in_required',
    `There is no session for ${url.host}.`,
    'Call authenticate with this URL first; get_token never starts a sign-in.',
  );
}
