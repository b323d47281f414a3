/** The device authorization request (RFC 8628 §3.1–3.3): a code that a person enters in a browser elsewhere. */
import { deviceAuthorizationRequest, processDeviceAuthorizationResponse } from 'oauth4webapi';
import { AccessError } from '../errors.ts';
import { type ProtocolFetch, tookOf } from '../http/protocol-fetch.ts';
import type { NextStep } from '../next-step.ts';
import { isLoopback, isSecure } from '../secure-url.ts';
import { quoteServerText } from '../server-text.ts';
import { type ShownUrl, shownUrl } from '../shown-url.ts';
import { clientAuthentication, type OAuthClient, requestOptions } from './client.ts';
import { deviceResponse } from './documents/device-response.ts';
import { isPassing, oauthErrorOf, protocolFailure } from './failures.ts';
import type { ServerMetadata } from './server-metadata.ts';

export interface DeviceAuthorization {
  /** Never shown. */
  readonly deviceCode: string;
  readonly userCode: string;
  /** It may be at any host (RFC 8628 allows that), so the person has to judge it. */
  readonly verificationUri: ShownUrl;
  /**
   * The address to open for the person, with the code filled in where the server supports that. Absent unless
   * its origin is the issuer's.
   */
  readonly browserUri?: ShownUrl;
  readonly expiresInSeconds: number;
  readonly intervalSeconds: number;
}

/** Throws `unsupported_authorization_server` if the server offers no device codes. */
export function requireDeviceCodes({
  issuer,
  device_authorization_endpoint,
}: ServerMetadata): void {
  if (device_authorization_endpoint !== undefined) return;
  throw new AccessError(
    'unsupported_authorization_server',
    `${new URL(issuer).host} does not offer device codes (RFC 8628).`,
    [{ do: 'sign_in', not: 'device' }],
  );
}

/**
 * Throws `unsupported_authorization_server`, `registration_rejected`, `temporarily_unavailable`,
 * `invalid_server_metadata` for a code or an address that the person must not be shown, and what `fetch`
 * throws.
 */
export async function authorizeDevice(
  server: ServerMetadata,
  client: OAuthClient,
  request: { resource: string; scope?: string | undefined },
  fetch: ProtocolFetch,
): Promise<DeviceAuthorization> {
  const host = new URL(server.issuer).host;
  requireDeviceCodes(server);
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
    const document = await deviceResponse(answer, tookOf(fetch, new URL(server.issuer)));
    const given = await processDeviceAuthorizationResponse(server, known, document);
    const verificationUri = showable(given.verification_uri, server.issuer);
    const complete = given.verification_uri_complete;
    const whole = complete === undefined ? [] : [showable(complete, server.issuer)];
    const browserUri = [...whole, verificationUri].find((uri) => isOwn(uri, server.issuer));
    return {
      deviceCode: given.device_code,
      userCode: readableCode(given.user_code, host),
      verificationUri,
      ...(browserUri === undefined ? {} : { browserUri }),
      // At most as long as a person has for a sign-in by authorization code.
      expiresInSeconds: Math.min(given.expires_in, 3600),
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
      [
        { do: 'sign_in', not: 'device' },
        {
          when: 'otherwise',
          do: 'ask_operator',
          host,
          to: 'allow device codes for this client',
        },
      ],
      [client.clientSecret],
    );
  }
}

const wrongServer: NextStep = [
  { do: 'avoid_sign_in', why: 'untrusted' },
  { do: 'check', whether: 'this authorization server is the right one' },
];

/** RFC 8628 §6.1 recommends eight characters; no server is known to need more than this. */
const longestUserCode = 16;

/**
 * The agent shows it to the person, so it must look like a code (§6.1) and leave no room for instructions.
 */
function readableCode(text: string, host: string): string {
  if (text.length <= longestUserCode && /^[A-Za-z0-9]+(?:-[A-Za-z0-9]+)*$/.test(text)) return text;
  throw new AccessError(
    'invalid_server_metadata',
    `${host} sent ${quoteServerText(text)} as a user code, which should be letters, digits and dashes, at most ${longestUserCode} characters (RFC 8628 §6.1).`,
    wrongServer,
  );
}

/**
 * Checks that the person's browser may be sent there: https or loopback, no credentials, and to the person's
 * own machine only by a server that runs on it. Returns the URL as the parser serializes it; throws
 * `invalid_server_metadata`.
 */
function showable(text: string, issuer: string): ShownUrl {
  const url = text.length <= 2048 && URL.canParse(text) ? new URL(text) : undefined;
  if (
    url === undefined ||
    !isSecure(url) ||
    url.username ||
    url.password ||
    (isLoopback(url) && !isLoopback(new URL(issuer)))
  ) {
    throw new AccessError(
      'invalid_server_metadata',
      `${new URL(issuer).host} gave a verification address that nobody can be sent to: it is not https, holds a user name, or is on this machine.`,
      wrongServer,
    );
  }
  return shownUrl(url);
}

function isOwn(uri: string, issuer: string): boolean {
  return new URL(uri).origin === new URL(issuer).origin;
}
