/** The device access token request (RFC 8628 §3.4–3.5): polling until the person has decided. */
import { deviceCodeGrantRequest, processDeviceCodeResponse } from 'oauth4webapi';
import type { Abortable } from '../abortable.ts';
import { AccessError, isAccessError } from '../errors.ts';
import { type ProtocolFetch, tookOf } from '../http/protocol-fetch.ts';
import { clientAuthentication, type OAuthClient, requestOptions } from './client.ts';
import type { DeviceAuthorization } from './device.ts';
import { tokenResponse } from './documents/token-response.ts';
import {
  isPassing,
  isUnsupported,
  nextStepAfter,
  oauthErrorOf,
  protocolFailure,
} from './failures.ts';
import type { ServerMetadata } from './server-metadata.ts';
import { readTokens, type Tokens } from './token.ts';

export interface DevicePolling {
  readonly now: () => number;
  readonly sleep: (milliseconds: number, signal?: Abortable) => Promise<void>;
  readonly signal?: Abortable;
}

/**
 * Throws `sign_in_declined`, `sign_in_expired`, `registration_rejected`, `unsupported_authorization_server`
 * (also for a token that no header field can carry) and `token_rejected`. After network trouble between polls
 * it goes on, with the interval doubled.
 */
export async function pollDeviceToken(
  server: ServerMetadata,
  client: OAuthClient,
  device: DeviceAuthorization,
  resource: string,
  fetch: ProtocolFetch,
  { now, sleep, signal }: DevicePolling,
): Promise<Tokens> {
  const host = new URL(server.issuer).host;
  const [known, authentication] = clientAuthentication(client);
  const endsAt = now() + device.expiresInSeconds * 1000;
  const took = tookOf(fetch, new URL(server.issuer));
  let intervalMs = Math.max(device.intervalSeconds, 1) * 1000;
  for (;;) {
    await sleep(intervalMs, signal);
    if (now() >= endsAt) throw expired(host);
    try {
      const answer = await deviceCodeGrantRequest(
        server,
        known,
        authentication,
        device.deviceCode,
        {
          ...requestOptions(fetch, server.issuer, signal),
          additionalParameters: { resource },
        },
      );
      return readTokens(
        await processDeviceCodeResponse(server, known, await tokenResponse(answer, took)),
        host,
        resource,
      );
    } catch (error) {
      const oauthError = oauthErrorOf(error);
      if (oauthError === 'authorization_pending') continue;
      if (oauthError === 'slow_down') {
        intervalMs += 5000;
        continue;
      }
      if (isAccessError(error, 'network_error', 'timeout') || isPassing(error)) {
        intervalMs = Math.min(intervalMs * 2, 60_000);
        continue;
      }
      // `invalid_grant` (RFC 6749 §5.2): the code is used up or forgotten.
      if (oauthError === 'expired_token' || oauthError === 'invalid_grant') throw expired(host);
      throw protocolFailure(
        error,
        oauthError === 'access_denied'
          ? 'sign_in_declined'
          : isUnsupported(error)
            ? 'unsupported_authorization_server'
            : 'registration_rejected',
        `The sign-in with a device code at ${host} was refused`,
        oauthError === 'access_denied'
          ? [{ do: 'avoid_sign_in', why: 'unasked' }]
          : nextStepAfter(error, host, [
              { do: 'sign_in', force: true },
              { when: 'otherwise', do: 'sign_in', not: 'device' },
            ]),
        [device.deviceCode, client.clientSecret],
      );
    }
  }
}

function expired(host: string): AccessError {
  return new AccessError(
    'sign_in_expired',
    `The device code for ${host} expired before anybody entered it.`,
    [{ when: 'ready', do: 'sign_in', method: 'device' }],
  );
}
