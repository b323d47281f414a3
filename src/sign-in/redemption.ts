/**
 * Completes a sign-in by authorization code, in whichever process receives the response: finds it by its
 * `state`, checks and redeems the response, and stores the session, under the lock of its resource.
 */
import { timingSafeEqual } from 'node:crypto';
import { AccessError } from '../errors.ts';
import type { ProtocolFetch } from '../http/protocol-fetch.ts';
import type { Log } from '../log.ts';
import { readAuthorizationResponse } from '../oauth/authorization.ts';
import { RedirectUriNotAllowed } from '../oauth/redirect-uri-refusal.ts';
import { clientDoubtedMs, redeemCode } from '../oauth/token.ts';
import type { CallbackPage, Clock, Lock, RecordStore } from '../session/ports.ts';
import type { RedirectUris } from '../session/redirect-uris.ts';
import { sessionFrom } from '../session/session-from.ts';
import type { Sessions } from '../session/sessions.ts';
import type { Discovery } from './discovery.ts';
import { endOf, failed, isOpenAt, type PendingCodeSignIn } from './pending.ts';
import { failureOf, unexpected } from './sign-in.ts';
import type { TokenHosts } from './token-hosts.ts';
import type { WakeUp } from './wake-up.ts';

export interface Redeemed {
  readonly page: CallbackPage;
  /** The error behind a page that reports a failure. */
  readonly reason?: AccessError;
}

export interface Redemption {
  /**
   * `undefined` when `response` belongs to no pending sign-in, or to one for a resource that `isMeant`
   * rejects; the code is then not used.
   */
  redeem(
    response: URLSearchParams,
    isMeant?: (resource: string) => boolean,
  ): Promise<Redeemed | undefined>;
}

export function createRedemption(parts: {
  readonly store: RecordStore;
  readonly lock: Lock;
  readonly clock: Clock;
  readonly fetch: ProtocolFetch;
  readonly log: Log;
  readonly discovery: Discovery;
  readonly sessions: Sessions;
  readonly tokenHosts: TokenHosts;
  readonly wakeUp: WakeUp;
  readonly redirectUris: RedirectUris;
  readonly isTrustedIssuer: (issuer: string, resource: string) => boolean;
}): Redemption {
  const { store, lock, clock, fetch, log, discovery, sessions, tokenHosts, wakeUp } = parts;
  const { isTrustedIssuer, redirectUris } = parts;

  const redeem: Redemption['redeem'] = async (response, isMeant = () => true) => {
    const [state, ...more] = response.getAll('state');
    if (state === undefined || more.length > 0) return undefined;
    const found = (await store.list('pending')).find(
      (pending) => pending.code !== undefined && isSame(pending.code.state, state),
    );
    if (found === undefined || !isMeant(found.resource)) return undefined;
    return lock.hold(`session ${found.resource}`, async () => {
      const application = new URL(found.resource).host;
      const signedIn: Redeemed = {
        page: { status: 'signed_in', application, issuer: found.code?.issuer },
      };
      const notSignedIn = (reason: AccessError): Redeemed => ({
        page: { status: 'failed', application, message: reason.message },
        reason,
      });
      const pending = await store.read('pending', found.resource);
      // The same callback arrived twice, and the other one was redeemed while this one waited for the
      // lock.
      if (pending?.code === undefined || !isSame(pending.code.state, state)) return signedIn;
      if (pending.failure) return notSignedIn(failureOf(pending.failure));
      try {
        if (!isOpenAt(pending, clock.now())) throw endOf(pending);
        await finish({ ...pending, code: pending.code }, response, state);
        return signedIn;
      } catch (error) {
        const reason =
          error instanceof RedirectUriNotAllowed
            ? await redirectRefused(pending.resource, pending.code.redirectUri, error)
            : error instanceof AccessError
              ? error
              : unexpected(error);
        log('warn', 'a sign-in failed', { resource: pending.resource, code: reason.code });
        await store.write('pending', pending.resource, failed(pending, reason));
        wakeUp.all();
        return notSignedIn(reason);
      }
    });
  };

  const redirectRefused = async (
    resource: string,
    redirectUri: string,
    error: RedirectUriNotAllowed,
  ): Promise<AccessError> => {
    await redirectUris.refuse(resource, redirectUri);
    if (await redirectUris.areAllRefused(resource)) return error;
    return new AccessError(error.code, error.message, [
      { do: 'sign_in' },
      ...error.nextStep.map((step) => ({ ...step, when: 'again' as const })),
    ]);
  };

  const finish = async (pending: PendingCodeSignIn, response: URLSearchParams, state: string) => {
    const { code, resource } = pending;
    if (!isTrustedIssuer(code.issuer, resource)) {
      throw new AccessError(
        'untrusted_authorization_server',
        `${new URL(code.issuer).host} is not trusted any more.`,
        [
          {
            do: 'fix_variables',
            names: ['CF_ACCESS_TEAM_DOMAIN', 'CF_ACCESS_AUTHORIZATION_SERVERS'],
          },
          { when: 'done', do: 'sign_in' },
        ],
      );
    }
    const server = await discovery.server(code.issuer);
    const checked = readAuthorizationResponse(server, code.client, response, {
      state,
      redirectUri: code.redirectUri,
    });
    const tokens = await redeemCode(
      server,
      code.client,
      {
        response: checked,
        redirectUri: code.redirectUri,
        codeVerifier: code.codeVerifier,
        resource: code.resourceIndicator,
      },
      fetch,
      () => clock.sleep(clientDoubtedMs),
    );
    tokenHosts.require(code.issuer, resource, tokens.confirmed === true);
    const grant = {
      issuer: code.issuer,
      tokenEndpoint: server.token_endpoint,
      ...(server.revocation_endpoint ? { revocationEndpoint: server.revocation_endpoint } : {}),
      resourceIndicator: code.resourceIndicator,
      client: code.client,
      ...(code.scope === undefined ? {} : { scope: code.scope }),
    };
    const { teamDomain } = code;
    await sessions.save(
      sessionFrom(
        { resource, method: 'authorization_code', ...(teamDomain ? { teamDomain } : {}) },
        grant,
        tokens,
        clock.now(),
      ),
    );
    await store.remove('pending', resource);
    wakeUp.all();
  };

  return { redeem };
}

function isSame(expected: string, given: string): boolean {
  const [one, other] = [Buffer.from(expected), Buffer.from(given)];
  return one.length === other.length && timingSafeEqual(one, other);
}
