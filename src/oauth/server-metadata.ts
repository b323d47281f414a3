/**
 * Authorization server metadata (RFC 8414, and OpenID Connect Discovery where that is all there is). The
 * issuer must be the requested one, every endpoint must be on the issuer's origin, and S256 is required.
 */
import { type AuthorizationServer, processDiscoveryResponse } from 'oauth4webapi';
import { AccessError } from '../errors.ts';
import { type ProtocolFetch, tookOf } from '../http/protocol-fetch.ts';
import type { NextStep } from '../next-step.ts';
import { atPath, isSecure } from '../secure-url.ts';
import { quoteServerText } from '../server-text.ts';
import { holdsDocument } from './documents/json-answer.ts';
import { serverDocument } from './documents/server-document.ts';
import { protocolFailure } from './failures.ts';

/** With the endpoint that everybody needs, as `fetchServerMetadata` checked it. */
export type ServerMetadata = AuthorizationServer & { readonly token_endpoint: string };

/**
 * Whether its authorization responses carry `iss` (RFC 9207). A server that sends none can redirect a sign-in
 * to another server and receive the code that this one issues: the mix-up attack of RFC 9700 §4.4.
 */
export function namesItself(server: ServerMetadata): boolean {
  return server.authorization_response_iss_parameter_supported === true;
}

const endpoints = [
  'authorization_endpoint',
  'token_endpoint',
  'registration_endpoint',
  'revocation_endpoint',
  'device_authorization_endpoint',
] as const;

/** Longer than any real endpoint, and far below what browsers and command lines accept. */
const longestEndpoint = 2048;

const nextStepAt = ({ host }: URL): NextStep => [
  { do: 'check', whether: 'this authorization server is the right one' },
  { when: 'confirmed', do: 'ask_operator', host, to: 'fix its server metadata' },
];

/**
 * `issuer`: an https URL (http to loopback) that the caller trusts. Throws `invalid_server_metadata`,
 * `unsupported_authorization_server` (no S256), `temporarily_unavailable`, and what `fetch` throws.
 */
export async function fetchServerMetadata(
  issuer: URL,
  fetch: ProtocolFetch,
): Promise<ServerMetadata> {
  const subject = `The server metadata of ${issuer.host}`;
  let response: Response | undefined;
  for (const url of wellKnownAddresses(issuer)) {
    response = await fetch(url, { headers: { accept: 'application/json' } });
    if (!(await isAbsent(response))) break;
  }
  if (response === undefined) throw new Error('an issuer has at least one address');
  try {
    if (response.status >= 500 || response.status === 429) {
      throw new AccessError(
        'temporarily_unavailable',
        `${issuer.host} answered ${response.status} when asked for its server metadata.`,
        [{ do: 'retry', afterSeconds: 60 }],
      );
    }
    const metadata: AuthorizationServer = await processDiscoveryResponse(
      issuer,
      await serverDocument(response, issuer, tookOf(fetch, issuer)),
    );
    checkEndpoints(metadata, issuer, subject);
    return metadata;
  } catch (error) {
    throw protocolFailure(error, 'invalid_server_metadata', subject, nextStepAt(issuer));
  }
}

/**
 * A server without metadata answers 404, or with the page of a guard (4xx), or with a start page (200, HTML).
 * A document of the right form is never skipped in favor of another address.
 */
async function isAbsent(response: Response): Promise<boolean> {
  const { ok, status } = response;
  if (ok) return !(await holdsDocument(response, 'issuer'));
  return status >= 400 && status < 500 && status !== 429;
}

/** RFC 8414 §3.1 with the issuer's path inserted, then OpenID Connect's inserted and appended forms. */
function wellKnownAddresses(issuer: URL): URL[] {
  const path = issuer.pathname.replace(/(?<!\/)\/+$/, '');
  const at = (pathname: string) => atPath(issuer, pathname);
  const addresses = [
    at(`/.well-known/oauth-authorization-server${path}`),
    at(`/.well-known/openid-configuration${path}`),
  ];
  return path === '' ? addresses : [...addresses, at(`${path}/.well-known/openid-configuration`)];
}

function checkEndpoints(
  metadata: AuthorizationServer,
  issuer: URL,
  subject: string,
): asserts metadata is ServerMetadata {
  for (const name of endpoints) {
    const value = metadata[name];
    if (value === undefined) continue;
    const isText = typeof value === 'string' && value.length <= longestEndpoint;
    const url = isText && URL.canParse(value) ? new URL(value) : undefined;
    if (url?.origin !== issuer.origin || !isSecure(url) || url.username || url.password) {
      throw new AccessError(
        'invalid_server_metadata',
        `${subject} name a ${name} outside the issuer’s origin: ${quoteServerText(String(value))}.`,
        nextStepAt(issuer),
      );
    }
  }
  if (metadata.token_endpoint === undefined) {
    throw new AccessError(
      'invalid_server_metadata',
      `${subject} name no token_endpoint (RFC 8414 §2).`,
      nextStepAt(issuer),
    );
  }
  const methods: unknown = metadata.code_challenge_methods_supported;
  if (!Array.isArray(methods) || !methods.includes('S256')) {
    throw new AccessError(
      'unsupported_authorization_server',
      `${subject} do not offer the PKCE method S256, without which a code can be stolen (RFC 7636).`,
      [
        {
          do: 'ask_operator',
          host: issuer.host,
          to: 'enable PKCE with S256 and advertise it in code_challenge_methods_supported',
        },
      ],
    );
  }
}
