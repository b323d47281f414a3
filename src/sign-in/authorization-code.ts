/**
 * Signing in with an authorization code. The request is stored on disk before the browser opens, so that
 * whichever process holds the port when the person has signed in can redeem the response.
 */
import { randomBytes } from 'node:crypto';
import { isAccessError } from '../errors.ts';
import { authorizationUrl, drawCodeVerifier } from '../oauth/authorization.ts';
import { coversScope } from '../oauth/scope.ts';
import type { PendingCode, PendingSignIn, Session } from '../session/records.ts';
import { type Choice, loopbackRedirectUris, type RedirectUris } from '../session/redirect-uris.ts';
import type { Registrations } from '../session/registrations.ts';
import { isSameSignIn } from '../session/session-from.ts';
import { shownUrl } from '../shown-url.ts';
import type { CallbackPorts } from './callback-ports.ts';
import type { OAuthTarget } from './discovery.ts';
import type { Rendezvous } from './rendezvous.ts';
import type { SignIn } from './sign-in.ts';

/**
 * Throws `callback_port_unavailable`, `registration_rejected`, `unsupported_authorization_server`, and
 * what the network throws. `stepUp`: joins only a sign-in that requests as much scope, since a session
 * with less would be refused again.
 */
export type BeginCodeSignIn = (
  target: OAuthTarget,
  options: {
    force: boolean;
    scope: string | undefined;
    stepUp?: boolean;
    notFrom?: Session | undefined;
  },
) => Promise<SignIn>;

/**
 * How long the person has. It is long because some applications need a second person's approval, and
 * Access redeems codes for hours after the login.
 */
const lifetimeMs = 60 * 60_000;

export function createCodeSignIn({
  rendezvous,
  callbackPorts,
  registrations,
  redirectUris,
}: {
  readonly rendezvous: Rendezvous;
  readonly callbackPorts: CallbackPorts;
  readonly registrations: Registrations;
  readonly redirectUris: RedirectUris;
}): BeginCodeSignIn {
  return (target, { force, scope, stepUp = false, notFrom }) => {
    const { server, resource, resourceIndicator } = target;

    /**
     * A configured client keeps its redirection URI, since only the person knows which ones it is
     * registered with.
     */
    const redirectUrisFor = async (port: number): Promise<Choice> =>
      registrations.isConfigured(server.issuer)
        ? loopbackRedirectUris(port)
        : redirectUris.choose(resource, port);

    const registered = async (port: number, last: PendingSignIn | undefined) => {
      const anew =
        isRegistrationInDoubt(last, force) &&
        !(await redirectUris.isRefused(resource, last?.code?.redirectUri ?? ''));
      const choice = await redirectUrisFor(port);
      try {
        const wanted = { redirectUris: choice, resourceIndicator, anew };
        return await registrations.clientFor(server, wanted);
      } catch (error) {
        if (isAccessError(error, 'registration_rejected')) await redirectUris.forget(resource);
        throw error;
      }
    };

    const request = async (port: number, last: PendingSignIn | undefined): Promise<PendingCode> => {
      const { client, redirectUri } = await registered(port, last);
      const { verifier, challenge } = await drawCodeVerifier();
      const state = randomBytes(32).toString('base64url');
      const url = authorizationUrl(server, {
        clientId: client.clientId,
        redirectUri,
        codeChallenge: challenge,
        state,
        resource: resourceIndicator,
        scope,
      });
      return {
        authorizationUrl: shownUrl(url),
        state,
        codeVerifier: verifier,
        redirectUri,
        port,
        issuer: server.issuer,
        resourceIndicator,
        client: { ...client },
        ...(scope === undefined ? {} : { scope }),
        ...(target.teamDomain === undefined ? {} : { teamDomain: target.teamDomain }),
      };
    };

    return rendezvous.begin({
      resource,
      method: 'authorization_code',
      at: new URL(server.issuer).host,
      joins: ({ code }) =>
        !force &&
        code !== undefined &&
        // The resource may name another authorization server by now.
        code.issuer === server.issuer &&
        code.resourceIndicator === resourceIndicator &&
        (!stepUp || coversScope(code.scope, scope)),
      ...(force || stepUp
        ? {}
        : {
            accepts: (session) =>
              session.grant?.issuer === server.issuer &&
              !(notFrom && isSameSignIn(session, notFrom)),
          }),
      prepare: async (last) => {
        const port = await callbackPorts.claim();
        try {
          const code = await request(port.port, last);
          return { lifetimeMs, code, port };
        } catch (error) {
          await port.release();
          throw error;
        }
      },
    });
  };
}

/**
 * Whether the stored registration may be why the last sign-in failed: either the server rejected it, or
 * the callback never came, perhaps because the server refused on a page that only the person saw.
 */
function isRegistrationInDoubt(last: PendingSignIn | undefined, force: boolean): boolean {
  if (last?.code === undefined) return false;
  return last.failure ? last.failure.code === 'registration_rejected' : force;
}
