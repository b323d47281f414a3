/** Making sure that a URL can be fetched: by what is there, by a service token, or by a person. */
import { refusalFor } from '../cloudflare/refusal.ts';
import { AccessError, isAccessError } from '../errors.ts';
import { bounds } from '../http/waiting/bounds.ts';
import { untilAborted, within } from '../http/waiting/within.ts';
import { quoteServerText } from '../server-text.ts';
import { type Held, heldSession } from '../session/held-credential.ts';
import { keysCovering } from '../session/resource-key.ts';
import type { Sessions } from '../session/sessions.ts';
import type { Asking, Persons } from '../sign-in/ask-person.ts';
import type { Redemption } from '../sign-in/redemption.ts';
import type { SignIn } from '../sign-in/sign-in.ts';
import { resourceOf, type Target } from '../sign-in/target.ts';
import type { WaitOptions } from '../sign-in/waiting.ts';
import type { Credentials } from './credentials.ts';
import { type Asked, type Gate, probe } from './guarded-request.ts';
import { personNeeded } from './headless.ts';
import type { ServiceTokens } from './service-tokens.ts';
import type { Ways } from './ways.ts';

export interface AuthenticateOptions extends WaitOptions {
  readonly method: 'auto' | 'browser' | 'device' | 'service_token';
  readonly force: boolean;
  /** The authorization response that the person's browser could not deliver. */
  readonly callback?: URLSearchParams | undefined;
}

export type Authenticated =
  | { readonly status: 'authenticated'; readonly held: Held }
  | { readonly status: 'pending'; readonly signIn: SignIn; readonly shown: boolean }
  | { readonly status: 'not_needed' };

export type Authenticate = (url: URL, options: AuthenticateOptions) => Promise<Authenticated>;

export function createAuthenticate(parts: {
  readonly gate: Gate;
  readonly credentials: Credentials;
  readonly sessions: Sessions;
  readonly serviceTokens: ServiceTokens;
  readonly ways: Ways;
  readonly persons: Persons;
  readonly redeem: Redemption['redeem'];
  readonly headless: boolean;
}): Authenticate {
  const { gate, credentials, sessions, serviceTokens, ways, persons, redeem, headless } = parts;

  return async (url, options) => {
    const until = within(bounds.call, options.signal);
    try {
      return await authenticate(url, options, until.signal);
    } finally {
      until.release();
    }
  };

  /** `signal`: for all that is done before the person is asked. */
  async function authenticate(
    url: URL,
    options: AuthenticateOptions,
    signal: AbortSignal,
  ): Promise<Authenticated> {
    const { method, force, callback } = options;
    if (callback) return untilAborted(redeemCallback(url, callback), signal, url);
    if (method === 'service_token')
      return useServiceToken(await ask(url, signal), undefined, signal);
    if (force || method !== 'auto') serviceTokens.release(url);
    if (!force) {
      const held = await credentials.held(url, 0, signal);
      if (held) return { status: 'authenticated', held };
      const joined = await ways.join(url);
      if (joined && (method !== 'device' || joined.method === 'device_code')) {
        return outcomeOf(await persons.wait(joined, options));
      }
    }
    const asked = await ask(url, signal);
    if (asked.guard.protection === 'none') return { status: 'not_needed' };
    if (asked.guard.protection === 'service_auth') {
      const { state } = await serviceTokens.choose(url, signal);
      // Nobody can sign in here: that is told only where a service token would get through instead.
      if (method === 'auto' || state !== 'ready') return useServiceToken(asked, undefined, signal);
    }
    let target: Target | undefined;
    let obstacle: AccessError | undefined;
    try {
      target = await ways.target(asked, signal);
    } catch (error) {
      // What keeps a person from signing in does not keep a service token from being sent.
      if (!headless || !isAccessError(error) || error.code === 'cancelled') throw error;
      obstacle = error;
    }
    if (target === undefined && obstacle === undefined) throw notOurs(url, asked);
    if (target && !force) {
      const silent = await ways.silent(target, undefined, signal);
      if (silent) {
        credentials.remember(silent);
        return { status: 'authenticated', held: silent };
      }
    }
    if (headless || target === undefined) {
      if (method !== 'auto') throw personNeeded(url, asked.guard);
      return useServiceToken(asked, target, signal, obstacle);
    }
    if (force) credentials.forget(resourceOf(target));
    const device = method === 'device';
    return outcomeOf(await persons.ask(target, { ...options, device, beginUntil: signal }));
  }

  async function ask(url: URL, signal: AbortSignal | undefined): Promise<Asked> {
    const asked = await probe(gate, url, signal);
    const refusal = refusalFor(asked.guard, url);
    if (refusal) throw refusal;
    return asked;
  }

  function outcomeOf(asking: Asking): Authenticated {
    return asking.session
      ? { status: 'authenticated', held: heldSession(asking.session) }
      : { status: 'pending', signIn: asking.signIn, shown: asking.shown };
  }

  async function useServiceToken(
    asked: Asked,
    target: Target | undefined,
    signal: AbortSignal | undefined,
    obstacle?: AccessError,
  ): Promise<Authenticated> {
    const {
      guard,
      evidence: { url },
    } = asked;
    if (guard.protection === 'none') return { status: 'not_needed' };
    const granted = await serviceTokens.grant(asked, target, signal);
    if (granted instanceof AccessError) {
      const help = granted.code === 'service_token_host_not_allowed' || !headless;
      throw help || guard.protection === 'service_auth' || guard.protection === 'other'
        ? granted
        : (obstacle ?? personNeeded(url, guard));
    }
    await serviceTokens.present(url, granted.credential, signal);
    return { status: 'authenticated', held: granted };
  }

  async function redeemCallback(url: URL, callback: URLSearchParams): Promise<Authenticated> {
    const keys = keysCovering(url);
    const redeemed = await redeem(callback, (resource) => keys.includes(resource));
    if (redeemed?.reason) throw redeemed.reason;
    // Handed over twice, or after the browser did get through: the session is there all the same.
    const found = redeemed ? await firstKept(url) : await credentials.held(url);
    if (!found) {
      throw new AccessError(
        'sign_in_expired',
        `The address that was handed over belongs to no sign-in for ${url.host} that is waiting.`,
        'It must be the whole address that the browser ended at, beginning with http://localhost. Call authenticate again for a fresh sign-in if that one has ended.',
      );
    }
    return { status: 'authenticated', held: found };
  }

  async function firstKept(url: URL): Promise<Held | undefined> {
    for (const key of keysCovering(url)) {
      const session = await sessions.reread(key);
      if (session) return heldSession(session);
    }
    return undefined;
  }
}

function notOurs({ host }: URL, { guard }: Asked): AccessError {
  const how =
    guard.protection === 'other' && guard.scheme
      ? `with the scheme ${quoteServerText(guard.scheme)}`
      : 'in its own way';
  return new AccessError(
    'access_denied',
    `${host} is guarded ${how}, not by Cloudflare Access: there is nothing here to sign in to.`,
    'Ask the person for the application’s own credentials, and pass them in the headers of access_fetch.',
  );
}
