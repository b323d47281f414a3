/**
 * Signs a person in: begins or joins a sign-in, shows it, waits, and registers the client anew once if
 * necessary.
 */

import type { Abortable } from '../abortable.ts';
import { AccessError, isAccessError } from '../errors.ts';
import { untilAborted } from '../http/waiting/within.ts';
import type { Clock } from '../session/ports.ts';
import type { Session } from '../session/records.ts';
import type { RedirectUris } from '../session/redirect-uris.ts';
import type { Registrations } from '../session/registrations.ts';
import { finishSignIn, type SignIn, Superseded } from './sign-in.ts';
import type { SignIns } from './sign-ins.ts';
import { resourceOf, type Target } from './target.ts';
import { type Waited, type WaitOptions, waitForPerson } from './waiting.ts';

export interface SignInOptions extends WaitOptions {
  readonly device: boolean;
  readonly force: boolean;
  readonly scope?: string;
  /** A session that was refused: another one that the same sign-in has given will not do. */
  readonly notFrom?: Session;
  /** Aborts waiting for a sign-in to begin; one that begins all the same can be joined later. */
  readonly beginUntil?: Abortable;
}

/** How far a sign-in has come. `signIn`: the one that was waited for last. */
export type SignInProgress = Waited & { readonly signIn: SignIn };

export interface PersonSignIn {
  /** Throws `sign_in_pending` when the person has not finished within `waitMs`. */
  signIn(url: URL, target: Target, options: SignInOptions): Promise<Session>;
  /** The same, but returns an unfinished sign-in instead of throwing. */
  start(target: Target, options: SignInOptions): Promise<SignInProgress>;
  /** Waits for an open sign-in, or for the one that replaces it. */
  wait(signIn: SignIn, options: WaitOptions): Promise<SignInProgress>;
}

export function createPersonSignIn({
  signIns,
  clock,
  registrations,
  redirectUris,
}: {
  readonly signIns: SignIns;
  readonly clock: Clock;
  readonly registrations: Pick<Registrations, 'isConfigured'>;
  readonly redirectUris: Pick<RedirectUris, 'areAllRefused'>;
}): PersonSignIn {
  const isConfigured = (target: Target): boolean =>
    target.kind === 'oauth' && registrations.isConfigured(target.oauth.server.issuer);

  const wait: PersonSignIn['wait'] = async (first, options) => {
    const leftMs = options.leftMs?.() ?? Number.POSITIVE_INFINITY;
    const until = clock.now() + Math.min(options.waitMs, leftMs * 0.75);
    for (let signIn = first; ; ) {
      const waitMs = Math.max(0, until - clock.now());
      try {
        return { ...(await waitForPerson(signIn, clock, { ...options, waitMs })), signIn };
      } catch (error) {
        const next =
          error instanceof Superseded ? await signIns.join(new URL(signIn.resource)) : undefined;
        if (next === undefined) throw error;
        signIn = next;
      }
    }
  };

  const start: PersonSignIn['start'] = async (target, options) => {
    const begin = (how: SignInOptions) =>
      untilAborted(signIns.begin(target, how), how.beginUntil, new URL(resourceOf(target)));
    const begun = await begin(options);
    try {
      const waited = await wait(begun, options);
      if (waited.session || waited.shown || options.device) return waited;
      // No browser here, and a server that offers device codes: the case that RFC 8628 is for.
      if (target.kind !== 'oauth' || !target.oauth.server.device_authorization_endpoint) {
        return waited;
      }
      const again: SignInOptions = { ...options, device: true, force: true };
      const device = await begin(again).catch((error: unknown) => {
        if (!isAccessError(error) || error.code === 'cancelled') throw error;
        return undefined;
      });
      // Even without a device code, the person can open the address.
      return device ? { shown: false, signIn: device } : waited;
    } catch (error) {
      // The server no longer knows this client, or the application does not accept its redirection
      // URI: one more sign-in, with another client, fixes that. Of all callers that waited, the first
      // begins the one that the others join.
      if (!isAccessError(error, 'registration_rejected') || isConfigured(target)) throw error;
      if (await redirectUris.areAllRefused(resourceOf(target))) throw error;
      return wait(await begin(options), options);
    }
  };

  return {
    start,
    wait,
    async signIn(url, target, options) {
      const { session, signIn } = await start(target, options);
      if (session) return session;
      throw signInPending(url, signIn);
    },
  };
}

/** For a caller that cannot wait any longer. */
export function signInPending(url: URL, signIn: SignIn): AccessError {
  const { authorizationUrl, userCode, verificationUri } = signIn;
  return new AccessError(
    'sign_in_pending',
    `${url.host} is waiting for a person to sign in at ${signIn.at}.`,
    [finishSignIn(signIn)],
    {
      details: {
        authorization_url: authorizationUrl ?? null,
        user_code: userCode ?? null,
        verification_uri: verificationUri ?? null,
        expires_at: new Date(signIn.expiresAt).toISOString(),
      },
    },
  );
}
