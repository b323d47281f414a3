/**
 * Another credential, after a challenge: what is there without asking anyone, the service token, or
 * the person. The one place where these are chosen between for a request.
 */
import { AccessError, isAccessError } from '../errors.ts';
import { authorizationIsOurs } from '../http/agent-headers.ts';
import type { HopRequest } from '../http/next-hop.ts';
import { type Held, heldSession } from '../session/held-credential.ts';
import type { Persons } from '../sign-in/ask-person.ts';
import type { Target } from '../sign-in/target.ts';
import type { WaitOptions } from '../sign-in/waiting.ts';
import type { Credentials } from './credentials.ts';
import { type Asked, hasAuthorization } from './guarded-request.ts';
import { personNeeded } from './headless.ts';
import type { ServiceTokens } from './service-tokens.ts';
import type { Ways } from './ways.ts';

export interface ObtainOptions extends WaitOptions {
  /** False: a challenge that only a person can meet ends in `sign_in_required`. */
  readonly signIn: boolean;
}

export interface Obtained {
  readonly held: Held;
  /** True when a person has signed in for it. */
  readonly byPerson: boolean;
}

export interface Obtain {
  /** Another one than `refused`. `scope`: what the refused one lacks. Throws where there is none. */
  another(
    request: HopRequest,
    asked: Asked,
    refused: Held | undefined,
    scope: string | undefined,
    options: ObtainOptions,
  ): Promise<Obtained>;
  /** What is held for a stranger's challenge without a person, other than `refused`. */
  silently(
    stranger: Asked,
    refused: Held | undefined,
    signal: AbortSignal | undefined,
  ): Promise<Held | undefined>;
}

export function createObtain(parts: {
  readonly credentials: Credentials;
  readonly serviceTokens: ServiceTokens;
  readonly ways: Ways;
  readonly persons: Persons;
  readonly headless: boolean;
}): Obtain {
  const { credentials, serviceTokens, ways, persons, headless } = parts;

  async function another(
    request: HopRequest,
    asked: Asked,
    refused: Held | undefined,
    scope: string | undefined,
    options: ObtainOptions,
  ): Promise<Obtained> {
    const { url, signal } = request;
    const { guard } = asked;
    if (guard.protection === 'service_auth') {
      return {
        held: await grantServiceToken(asked, undefined, undefined, signal),
        byPerson: false,
      };
    }
    let target: Target | undefined;
    let obstacle: AccessError | undefined;
    try {
      target = await ways.target(asked, signal);
      if (target === undefined) throw tokenRejected(url);
    } catch (error) {
      // What keeps a person from signing in does not keep a service token from being sent.
      if (!headless || !isAccessError(error) || error.code === 'cancelled') throw error;
      obstacle = error;
    }
    if (target && scope === undefined) {
      if (!headless && target.kind === 'oauth' && hasAuthorization(request)) {
        throw authorizationIsOurs(url);
      }
      const silent = await ways.silent(target, refused, signal);
      if (silent) {
        credentials.remember(silent);
        return { held: silent, byPerson: false };
      }
    }
    if (headless || target === undefined) {
      return { held: await grantServiceToken(asked, target, obstacle, signal), byPerson: false };
    }
    if (!options.signIn) throw signInRequired(url);
    const session = await persons.signIn(url, target, {
      ...options,
      device: false,
      force: scope !== undefined,
      ...(scope === undefined ? {} : { scope }),
    });
    return { held: heldSession(session), byPerson: true };
  }

  async function silently(
    stranger: Asked,
    refused: Held | undefined,
    signal: AbortSignal | undefined,
  ): Promise<Held | undefined> {
    if (stranger.guard.protection !== 'browser_login') return undefined;
    try {
      const target = await ways.target(stranger, signal);
      const silent = target && (await ways.silent(target, refused, signal));
      if (silent) credentials.remember(silent);
      return silent;
    } catch (error) {
      // The 401 that is there may be the origin's, and then it is the answer, whatever else fails.
      if (!isAccessError(error) || error.code === 'cancelled' || signal?.aborted) throw error;
      return undefined;
    }
  }

  async function grantServiceToken(
    asked: Asked,
    target: Target | undefined,
    obstacle: AccessError | undefined,
    signal: AbortSignal | undefined,
  ): Promise<Held> {
    const {
      guard,
      evidence: { url },
    } = asked;
    const granted = await serviceTokens.grant(asked, target, signal);
    if (granted instanceof AccessError) {
      if (guard.protection === 'service_auth' || !headless) throw granted;
      throw granted.code === 'service_token_host_not_allowed'
        ? onlyAPerson(url, granted)
        : (obstacle ?? personNeeded(url, guard));
    }
    return granted;
  }

  return { another, silently };
}

export function tokenRejected({ host }: URL): AccessError {
  return new AccessError(
    'token_rejected',
    `${host} refuses a token that was obtained for it just now.`,
    'Call authenticate with "force": true to sign in afresh; if it happens again, the application’s policies or its authorization server are set up wrongly, and its administrator has to look.',
  );
}

function signInRequired(url: URL): AccessError {
  return new AccessError(
    'sign_in_required',
    `${url.host} wants a person to sign in, and this call does not allow that.`,
    `Call authenticate with the URL ${url.origin}${url.pathname} first, or this call with "sign_in": true.`,
  );
}

function onlyAPerson(url: URL, missing: AccessError): AccessError {
  return new AccessError(
    missing.code,
    `${missing.message} Nobody can be asked to sign in: this server runs headless.`,
    `${missing.nextStep} Or run it without CF_ACCESS_HEADLESS (and CI) where a person can sign in to ${url.host}.`,
  );
}
