/**
 * What holds for any answer of any server: a reader throws nothing but our own error, which repeats no
 * secret, and gives no client, token, code or endpoint that was not in the document.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AccessError, errorCodes } from '../../src/errors.ts';
import type { ProtocolFetch } from '../../src/http/protocol-fetch.ts';
import { readAuthorizationResponse } from '../../src/oauth/authorization.ts';
import type { OAuthClient } from '../../src/oauth/client.ts';
import { authorizeDevice } from '../../src/oauth/device.ts';
import { pollDeviceToken } from '../../src/oauth/device-token.ts';
import { register } from '../../src/oauth/registration.ts';
import { fetchResourceMetadata } from '../../src/oauth/resource-metadata.ts';
import { revoke } from '../../src/oauth/revocation.ts';
import { fetchServerMetadata } from '../../src/oauth/server-metadata.ts';
import { redeemCode, refresh, type Tokens } from '../../src/oauth/token.ts';
import { shownUrl } from '../../src/shown-url.ts';

const issuer = 'https://as.example.com';
const requested = new URL('https://app.example.com/part/page');
const server = {
  issuer,
  token_endpoint: `${issuer}/token`,
  registration_endpoint: `${issuer}/register`,
  revocation_endpoint: `${issuer}/revoke`,
  device_authorization_endpoint: `${issuer}/device`,
};
const client: OAuthClient = { clientId: 'c1', tokenEndpointAuthMethod: 'none' };

type Document = Record<string, unknown>;

const secret = fc
  .string({ unit: fc.constantFrom(...'abcdefghijklmnopqrstuvwxyz'), minLength: 24, maxLength: 32 })
  .map((text) => `secret${text}`);
const anything = fc.oneof(
  { weight: 3, arbitrary: fc.jsonValue({ maxDepth: 2 }) },
  fc.constantFrom<unknown>(
    null,
    '',
    '0',
    '900',
    'soon',
    -1,
    0,
    900,
    1e300,
    [],
    {},
    ['a', 'b'],
    true,
  ),
  fc.string({ unit: 'binary', maxLength: 20 }),
);

/** Documents whose members are as they should be, as they never should be, or not there. */
function documents(good: Record<string, fc.Arbitrary<unknown>>): fc.Arbitrary<Document> {
  const members = Object.fromEntries(
    Object.entries(good).map(([name, arbitrary]) => [
      name,
      fc.oneof(
        { weight: 12, arbitrary },
        { weight: 2, arbitrary: anything },
        fc.constant(undefined),
      ),
    ]),
  );
  return fc
    .tuple(
      fc.record(members),
      fc.oneof({ weight: 3, arbitrary: fc.constant({}) }, fc.dictionary(fc.string(), anything)),
    )
    .map(([known, others]) => ({ ...others, ...known }));
}

interface Sent {
  readonly document: unknown;
  readonly status: number;
  readonly type: string | undefined;
  readonly text: string;
}

/** Mostly as it should be, so that what a reader takes is seen as often as what it refuses. */
function answers(document: fc.Arbitrary<unknown>): fc.Arbitrary<Sent> {
  const statuses = [200, 201, 202, 203, 302, 400, 401, 403, 404, 408, 429, 500, 503];
  const types = [
    'text/plain',
    'text/html',
    'application/json, application/json',
    'a/b+json',
    '\u00e9',
  ];
  return fc
    .record({
      document: fc.oneof({ weight: 8, arbitrary: document }, fc.jsonValue()),
      status: fc.oneof({ weight: 4, arbitrary: fc.constant(200) }, fc.constantFrom(...statuses)),
      type: fc.oneof(
        { weight: 4, arbitrary: fc.constant('application/json') },
        fc.constantFrom(undefined, ...types),
      ),
      noise: fc.oneof(
        { weight: 9, arbitrary: fc.constant(undefined) },
        fc.string({ unit: 'binary' }),
      ),
    })
    .map(({ noise, ...sent }) => ({ ...sent, text: noise ?? JSON.stringify(sent.document) }));
}

const replying =
  ({ status, type, text }: Sent): ProtocolFetch =>
  async () => {
    // Bytes, so that no media type is added.
    const bytes = new TextEncoder().encode(text);
    return new Response(bytes, {
      status,
      headers: type === undefined ? {} : { 'content-type': type },
    });
  };

/** What `work` gives; `undefined` where it throws what it may throw. */
async function outcomeOf<T>(
  work: Promise<T>,
  secrets: readonly unknown[] = [],
): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    expect(error).toBeInstanceOf(AccessError);
    const { code, message, nextStep } = error as AccessError;
    expect(errorCodes).toContain(code);
    expect(code).not.toBe('internal_error');
    expect(nextStep).toBeTruthy();
    expect(/[\p{Cc}\p{Cf}]/u.test(message)).toBe(false);
    expect(message.length).toBeLessThan(1000);
    for (const one of secrets) {
      if (typeof one === 'string' && one.startsWith('secret')) expect(message).not.toContain(one);
    }
    return undefined;
  }
}

/** How often something was taken: a property that only ever saw refusals would say nothing. */
async function check(
  sent: fc.Arbitrary<Sent>,
  property: (sent: Sent, document: Document) => Promise<boolean>,
): Promise<void> {
  let taken = 0;
  await fc.assert(
    fc.asyncProperty(sent, async (one) => {
      const isObject =
        typeof one.document === 'object' && one.document !== null && !Array.isArray(one.document);
      if (await property(one, isObject ? (one.document as Document) : {})) taken += 1;
    }),
    { numRuns: 1500 },
  );
  expect(taken).toBeGreaterThan(150);
}

it('a registration gives the client of the answer (RFC 7591 §3.2.1)', () =>
  check(
    answers(
      documents({
        client_id: secret,
        client_secret: secret,
        client_secret_expires_at: fc.constantFrom(0, 1_900_000_000),
        token_endpoint_auth_method: fc.constantFrom('none', 'client_secret_post'),
        error: fc.constant(undefined),
      }),
    ),
    async (sent, document) => {
      const request = { redirectUri: 'http://localhost:8400/callback', resource: requested.origin };
      const outcome = await outcomeOf(register(server, request, replying(sent)), [
        document.client_secret,
      ]);
      if (outcome === undefined || 'refused' in outcome) return false;
      expect(outcome.clientId).toBe(document.client_id);
      if (outcome.clientSecret !== undefined) {
        expect(outcome.clientSecret).toBe(document.client_secret);
      }
      return true;
    },
  ));

const tokenDocuments = documents({
  access_token: secret,
  refresh_token: secret,
  token_type: fc.constantFrom('Bearer', 'bearer'),
  expires_in: fc.constantFrom(900, '900'),
  scope: fc.constantFrom('read', 'read write'),
  error: fc.constant(undefined),
  id_token: fc.constant('a.b.c'),
});

const tokenRequests: [name: string, run: (fetch: ProtocolFetch) => Promise<unknown>][] = [
  [
    'a code',
    (fetch) =>
      redeemCode(
        server,
        client,
        {
          response: readAuthorizationResponse(
            server,
            client,
            new URLSearchParams({ code: 'secret-code', state: 's' }),
            { state: 's', redirectUri: 'http://localhost:8400/callback' },
          ),
          redirectUri: 'http://localhost:8400/callback',
          codeVerifier: 'secret-verifier',
          resource: requested.origin,
        },
        fetch,
      ),
  ],
  [
    'a refresh',
    (fetch) =>
      refresh(
        server,
        client,
        { refreshToken: 'secret-refresh', resource: requested.origin },
        fetch,
      ),
  ],
  [
    'a device code',
    (fetch) => {
      let now = 0;
      return pollDeviceToken(
        server,
        client,
        {
          deviceCode: 'secret-device',
          userCode: 'A',
          verificationUri: shownUrl(new URL(issuer)),
          expiresInSeconds: 60,
          intervalSeconds: 5,
        },
        requested.origin,
        fetch,
        {
          now: () => now,
          sleep: async (milliseconds) => {
            now += milliseconds;
          },
        },
      );
    },
  ],
];

describe('tokens are those of the answer (RFC 6749 §5.1)', () => {
  it.each(tokenRequests)('for %s', (_name, run) =>
    check(answers(tokenDocuments), async (sent, document) => {
      const outcome = await outcomeOf(run(replying(sent)), [
        document.access_token,
        document.refresh_token,
        'secret-code',
        'secret-verifier',
        'secret-refresh',
        'secret-device',
      ]);
      if (outcome === undefined || 'refused' in (outcome as object)) return false;
      const { accessToken, refreshToken, expiresIn, scope } = outcome as Tokens;
      expect(accessToken).toBe(document.access_token);
      expect(accessToken).toMatch(/^[\x21-\x7e]+$/);
      if (refreshToken !== undefined) expect(refreshToken).toBe(document.refresh_token);
      if (expiresIn !== undefined) expect(expiresIn).toBeGreaterThan(0);
      if (scope !== undefined) expect(scope).toBe([document.scope].flat().join(' '));
      return true;
    }),
  );
});

it('a revocation is confirmed by a success alone (RFC 7009 §2.2)', () =>
  check(answers(tokenDocuments), async (sent) => {
    const outcome = await outcomeOf(
      revoke(server, client, 'secret-token', 'access_token', replying(sent)),
      ['secret-token'],
    );
    expect(outcome).toBe(sent.status < 300 ? true : undefined);
    return outcome === true;
  }));

it('device codes are those of the answer (RFC 8628 §3.2)', () =>
  check(
    answers(
      documents({
        device_code: secret,
        user_code: fc.constant('WDJB-MJHT'),
        verification_uri: fc.constantFrom('https://as.example.com/device', 'http://x.example/'),
        verification_uri_complete: fc.constant('https://as.example.com/device?code=WDJB-MJHT'),
        expires_in: fc.constantFrom(600, '600'),
        interval: fc.constantFrom(5, '5', 0),
        error: fc.constant(undefined),
      }),
    ),
    async (sent, document) => {
      const work = authorizeDevice(server, client, { resource: issuer }, replying(sent));
      const given = await outcomeOf(work, [document.device_code]);
      if (given === undefined) return false;
      expect(given.deviceCode).toBe(document.device_code);
      expect(given.userCode).toBe(document.user_code);
      expect(given.verificationUri).toBe(new URL(String(document.verification_uri)).href);
      if (given.browserUri !== undefined) {
        const { verification_uri, verification_uri_complete } = document;
        const named = [verification_uri_complete, verification_uri].filter(Boolean).map(String);
        expect(named.map((uri) => new URL(uri).href)).toContain(given.browserUri);
        expect(new URL(given.browserUri).origin).toBe(issuer);
      }
      expect(given.intervalSeconds).toBeGreaterThan(0);
      return true;
    },
  ));

const endpoints = [
  'authorization_endpoint',
  'token_endpoint',
  'registration_endpoint',
  'revocation_endpoint',
  'device_authorization_endpoint',
] as const;

it('endpoints are those of the metadata, and of the issuer (RFC 8414 §3.2)', () =>
  check(
    answers(
      documents({
        issuer: fc.constantFrom(issuer, `${issuer}/`, 'as.example.com'),
        ...Object.fromEntries(
          endpoints.map((name) => [name, fc.constantFrom(`${issuer}/${name}`, `${issuer}/x`)]),
        ),
        code_challenge_methods_supported: fc.constant(['S256']),
        scopes_supported: fc.constantFrom('read', ['read']),
      }),
    ),
    async (sent, document) => {
      const metadata = await outcomeOf(fetchServerMetadata(new URL(issuer), replying(sent)));
      if (metadata === undefined) return false;
      expect([document.issuer, `https://${document.issuer}`]).toContain(metadata.issuer);
      expect(new URL(metadata.issuer).href).toBe(`${issuer}/`);
      for (const name of endpoints) {
        if (metadata[name] === undefined) continue;
        expect(metadata[name]).toBe(document[name]);
        expect(new URL(String(metadata[name])).origin).toBe(issuer);
      }
      return true;
    },
  ));

it('a resource and its servers are those of the metadata (RFC 9728 §3.2)', () =>
  check(
    answers(
      documents({
        resource: fc.constantFrom(
          requested.origin,
          `${requested.origin}/part`,
          'https://x.example',
        ),
        authorization_servers: fc.constantFrom([issuer], [issuer, 'https://other.example.com']),
        scopes_supported: fc.constantFrom('read write', ['read']),
        team_domain: fc.constant('acme.cloudflareaccess.com'),
      }),
    ),
    async (sent, document) => {
      const named = `${requested.origin}/.well-known/oauth-protected-resource`;
      for (const address of [named, undefined]) {
        const metadata = await outcomeOf(fetchResourceMetadata(requested, address, replying(sent)));
        if (metadata === undefined) continue;
        expect(metadata.resource).toBe(document.resource);
        expect(new URL(metadata.resource).origin).toBe(requested.origin);
        for (const each of metadata.authorizationServers) {
          expect(document.authorization_servers).toContain(each);
        }
        if (address === named) return true;
      }
      return false;
    },
  ));
