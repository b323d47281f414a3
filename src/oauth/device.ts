/** The device authorization grant (RFC 8628), for people whose browser is on another machine. */
import {
  deviceAuthorizationRequest,
  deviceCodeGrantRequest,
  processDeviceAuthorizationResponse,
  processDeviceCodeResponse,
} from 'oauth4webapi';
import { AccessError, isAccessError } from '../errors.ts';
import type { ProtocolFetch } from '../http/protocol-fetch.ts';
import { isSecure } from '../secure-url.ts';
import { cleanServerText } from '../server-text.ts';
import { clientAuthentication, type OAuthClient, requestOptions } from './client.ts';
import { isPassing, oauthErrorOf, protocolFailure } from './failures.ts';
import type { ServerMetadata } from './server-metadata.ts';
import { readTokens, type Tokens } from './token.ts';

export interface DeviceAuthorization {
  /** Shown to nobody. */
  readonly deviceCode: string;
  readonly userCode: string;
  readonly verificationUri: string;
  readonly verificationUriComplete?: string;
  readonly expiresInSeconds: number;
  readonly intervalSeconds: number;
}

const offerNext =
  'Use authenticate without "method": "device"; or ask its operator to allow device codes for this client.';

/** Throws `unsupported_authorization_server`, `registration_rejected`, and what `fetch` throws. */
export async function authorizeDevice(
  server: ServerMetadata,
  client: OAuthClient,
  request: { resource: string; scope?: string | undefined },
  fetch: ProtocolFetch,
): Promise<DeviceAuthorization> {
  const host = new URL(server.issuer).host;
  if (server.device_authorization_endpoint === undefined) {
    throw new AccessError(
      'unsupported_authorization_server',
      `${host} does not offer device codes (RFC 8628).`,
      'Use authenticate without "method": "device".',
    );
  }
  const [known, authentication] = clientAuthentication(client);
  try {
    const answer = await deviceAuthorizationRequest(
      server,
      known,
      authentication,
      {
        resource: request.resource,
        ...(request.scope === undefined ? {} : { scope: request.scope }),
      },
      requestOptions(fetch, server.issuer),
    );
    const given = await processDeviceAuthorizationResponse(server, known, answer);
    const complete = given.verification_uri_complete;
    return {
      deviceCode: given.device_code,
      userCode: cleanServerText(given.user_code),
      verificationUri: showable(given.verification_uri, host),
      ...(complete === undefined ? {} : { verificationUriComplete: showable(complete, host) }),
      expiresInSeconds: Math.min(given.expires_in, 1800),
      intervalSeconds: Math.min(given.interval ?? 5, 300),
    };
  } catch (error) {
    const oauthError = oauthErrorOf(error);
    throw protocolFailure(
      error,
      oauthError === 'invalid_client' || oauthError === 'unauthorized_client'
        ? 'registration_rejected'
        : isPassing(error)
          ? 'temporarily_unavailable'
          : 'unsupported_authorization_server',
      `${host} gave no device code`,
      offerNext,
    );
  }
}

/** The person's browser may be sent there: secure, without credentials, as the URL parser wrote it. */
function showable(text: string, host: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !isSecure(url) || url.username || url.password) {
    throw new AccessError(
      'invalid_server_metadata',
      `${host} gave a verification address that is not https.`,
      'Do not open it; ask the person whether this authorization server is the right one.',
    );
  }
  return url.href;
}

export interface DevicePolling {
  readonly now: () => number;
  readonly sleep: (milliseconds: number, signal?: AbortSignal) => Promise<void>;
  readonly signal?: AbortSignal;
}

/**
 * Polls until the person has decided (§3.4–3.5). Throws `sign_in_declined`, `sign_in_expired`, and
 * `registration_rejected`; network trouble between polls is waited out with a doubled interval.
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
      return readTokens(await processDeviceCodeResponse(server, known, answer), host);
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
      if (oauthError === 'expired_token') throw expired(host);
      throw protocolFailure(
        error,
        oauthError === 'access_denied' ? 'sign_in_declined' : 'registration_rejected',
        `The sign-in with a device code at ${host} was refused`,
        oauthError === 'access_denied'
          ? 'Ask the person whether they declined. Do not start another sign-in unasked.'
          : 'Call authenticate with "force": true, or without "method": "device".',
      );
    }
  }
}

function expired(host: string): AccessError {
  return new AccessError(
    'sign_in_expired',
    `The device code for ${host} expired before the person entered it.`,
    'Call authenticate with "method": "device" again when the person is there.',
  );
}
