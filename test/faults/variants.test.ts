/**
 * What servers really send: variants found in the issue threads of public servers, clients and libraries,
 * each with whether it is taken or refused, and why. What is taken leads to the page; what is refused ends
 * before anyone signs in, or, at the token endpoint, with nothing kept and nothing sent on.
 */
import { expect, it } from 'vitest';
import {
  authorizationPath,
  type HostileApplication,
  metadataPath,
  registrationPath,
  type Twist,
  type Twists,
  tokenPath,
  withFields,
} from '../support/hostile-application.ts';
import { eventually, matrix, type Row, visit, type World } from '../support/hostile-matrix.ts';
import type { Reply } from '../support/hostile-origin.ts';
import type { ToolAnswer } from '../support/mcp-server.ts';

/** A fetch of a page, and the person who signs in where that is asked for. */
async function fetchSigningIn(world: World, app: HostileApplication): Promise<ToolAnswer> {
  let done = false;
  const fetching = world.call('access_fetch', { url: app.at('/page') }).finally(() => {
    done = true;
  });
  const opened = await eventually(
    async () => (await world.openedAt(app))[0] ?? (done || undefined),
  );
  if (typeof opened === 'string') await visit(opened);
  return fetching;
}

/** `told`: what the log has to say about it. */
function takes(variant: string, reason: string, twists: Twists, told?: string): Row {
  return {
    fault: `takes ${variant}: ${reason}`,
    code: null,
    run: async (world) => {
      const before = world.server.stderr().length;
      const app = await world.app(twists);
      const answer = await fetchSigningIn(world, app);
      return {
        answer,
        far: () => {
          expect(answer.json).toMatchObject({ status: 200, auth: 'oauth' });
          expect(answer.body).toBe('the page\n');
          expect(app.redeemed).toHaveLength(1);
          expect(app.of(registrationPath)).toHaveLength(1);
          expect(world.evil.seen).toEqual([]);
          if (told !== undefined) expect(world.server.stderr().slice(before)).toContain(told);
        },
      };
    },
  };
}

/** `words`: what the error says. */
function refuses(
  variant: string,
  reason: string,
  code: string,
  twists: (evil: string) => Twists,
  words = '',
): Row {
  return {
    fault: `refuses ${variant}: ${reason}`,
    code,
    run: async (world) => {
      const app = await world.app(twists(world.evil.origin));
      const answer = await fetchSigningIn(world, app);
      return {
        answer,
        far: async () => {
          expect(answer.json.error?.message).toContain(words);
          expect(world.evil.seen).toEqual([]);
          expect(app.of(registrationPath).length).toBeLessThanOrEqual(1);
          if (app.twists.token === undefined) {
            expect(await world.openedAt(app)).toEqual([]);
            expect(app.of(authorizationPath)).toEqual([]);
            expect(app.of(tokenPath)).toEqual([]);
          } else {
            expect(app.of(tokenPath)).toHaveLength(1);
          }
          const again = await world.call('access_fetch', { url: app.at('/page'), sign_in: false });
          expect(again.json.error?.code).not.toBeUndefined();
          expect(
            app.seen.filter(({ headers }) => headers.authorization?.startsWith('Bearer')),
          ).toEqual([]);
        },
      };
    },
  };
}

const fields = (more: Record<string, unknown>) => withFields(() => more);
const nulls = (...names: string[]) => fields(Object.fromEntries(names.map((name) => [name, null])));
const typed =
  (type: string): Twist =>
  (_, honest) => ({ ...honest(), headers: { 'content-type': type } });
const bare: Twist = (_, honest) => {
  const { json, status } = honest();
  return { body: JSON.stringify(json), ...(status === undefined ? {} : { status }) };
};
const withStatus =
  (status: number): Twist =>
  (_, honest) => ({ ...honest(), status });
const marked: Twist = (_, honest) => {
  const { json, ...rest } = honest();
  const headers = { 'content-type': 'application/json' };
  return { ...rest, headers, body: `\ufeff${JSON.stringify(json)}` };
};
const instead =
  (reply: Reply): Twist =>
  () =>
    reply;

const wellKnown = '/.well-known/oauth-protected-resource';
/** A challenge that tells of no metadata, and the origin's own well-known address, which has it. */
const challenge =
  (make: (own: string) => string, { hasWellKnown = true } = {}): Twist =>
  ({ path }, _, { origin }) =>
    hasWellKnown && path === wellKnown
      ? { json: { resource: origin, authorization_servers: [origin] } }
      : path.startsWith('/.well-known/')
        ? { status: 404 }
        : {
            status: 401,
            headers: { 'www-authenticate': make(`${origin}${metadataPath}`) },
          };

const written = 'a page may hold what somebody else has written';

const rows: Row[] = [
  // RFC 9110 §11.6.1, RFC 9728 §5.1
  takes(
    'a metadata URL without quotes',
    'many servers write it so, and it reads in one way alone',
    {
      challenge: challenge((own) => `Bearer resource_metadata=${own}`),
    },
  ),
  takes('a metadata URL without its origin', 'it can only be the same origin', {
    challenge: challenge(() => `Bearer realm="x", resource_metadata="${metadataPath}"`),
  }),
  takes('a metadata path without quotes', 'both of these', {
    challenge: challenge(() => `Bearer resource_metadata=${metadataPath}, realm=x`),
  }),
  takes('white space around the equals sign', 'RFC 9110 §5.6.3 lets it be read', {
    challenge: challenge((own) => `Bearer resource_metadata = "${own}"`),
  }),
  takes('the scheme in lower case', 'schemes have no case', {
    challenge: challenge((own) => `bearer resource_metadata="${own}"`),
  }),
  takes(
    'two metadata URLs in one challenge (Sentry)',
    'neither is believed; the origin’s own is asked',
    {
      challenge: challenge(
        (own) => `Bearer resource_metadata="${own}/x", resource_metadata="${own}"`,
      ),
    },
  ),
  takes('single quotes', 'they quote nothing, so the origin’s own address is asked', {
    challenge: challenge((own) => `Bearer resource_metadata='${own}'`),
  }),
  takes('semicolons between parameters', 'not believed; the origin’s own address is asked', {
    challenge: challenge((own) => `Bearer realm="x"; resource_metadata="${own}"`),
  }),
  takes('a challenge without metadata', 'RFC 9728 §3.1 knows where they are', {
    challenge: challenge(() => 'Bearer error="invalid_token", error_description="Missing"'),
  }),
  takes('a scheme alone', 'RFC 9728 §3.1 knows where they are', {
    challenge: challenge(() => 'Bearer'),
  }),
  refuses(
    'an unquoted metadata URL of another origin',
    'nobody speaks for an origin but itself',
    'invalid_resource_metadata',
    (evil) => ({ challenge: challenge(() => `Bearer resource_metadata=${evil}/x`) }),
    'outside its own origin',
  ),
  refuses(
    'a relative metadata URL with a host',
    'it is another origin’s',
    'invalid_resource_metadata',
    (evil) => ({
      challenge: challenge(() => `Bearer resource_metadata="${evil.replace('http:', '')}/x"`),
    }),
    'outside its own origin',
  ),
  refuses(
    'an empty metadata URL',
    'the page that was asked is no metadata',
    'invalid_resource_metadata',
    () => ({ challenge: challenge(() => 'Bearer resource_metadata=""') }),
  ),

  // RFC 9728 §3.2
  takes('resource metadata as text/plain', 'a JSON document is one by its content', {
    resourceMetadata: typed('text/plain; charset=utf-8'),
  }),
  takes('resource metadata without a media type', 'a JSON document is one by its content', {
    resourceMetadata: bare,
  }),
  takes('a media type given twice (GitHub)', 'proxies join fields', {
    resourceMetadata: typed('application/json, application/json'),
  }),
  takes('resource metadata with 203', 'a proxy has changed something of no matter', {
    resourceMetadata: withStatus(203),
  }),
  takes(
    'members of resource metadata that are null (pydantic)',
    'null says nothing',
    { resourceMetadata: nulls('scopes_supported', 'jwks_uri', 'resource_name') },
    'scopes_supported was null',
  ),
  takes(
    'scopes as one text',
    'the words are the same',
    { resourceMetadata: fields({ scopes_supported: 'read write' }) },
    'scopes_supported was a string',
  ),
  takes('a byte order mark', 'decoders take it away', { resourceMetadata: marked }),
  takes('a resource with a slash at its end', 'it covers the same pages', {
    resourceMetadata: withFields(({ origin }) => ({ resource: `${origin}/page/` })),
  }),
  takes('an authorization server with a slash at its end (Google)', 'it is the same URL', {
    resourceMetadata: withFields(({ origin }) => ({ authorization_servers: [`${origin}/`] })),
  }),
  takes('an authorization server that is not trusted before one that is', 'the list is a choice', {
    resourceMetadata: withFields(({ origin }) => ({
      authorization_servers: ['https://as.example.com', origin],
    })),
  }),
  refuses(
    'resource metadata as text/html',
    written,
    'invalid_resource_metadata',
    () => ({ resourceMetadata: typed('text/html') }),
    'an HTML page came instead',
  ),
  ...[
    ['no resource', undefined, 'nothing'],
    ['a resource that is null', null, 'nothing'],
    ['a resource that is a list', ['x'], 'a list'],
    ['an empty resource', '', 'an empty string'],
  ].map(([variant, resource, held]) =>
    refuses(
      String(variant),
      'what a token is for is never guessed',
      'invalid_resource_metadata',
      () => ({ resourceMetadata: fields({ resource }) }),
      `resource holds ${held}`,
    ),
  ),
  refuses(
    'a resource that is a URN',
    'it covers no URL, so no token could be kept to it',
    'invalid_resource_metadata',
    () => ({ resourceMetadata: fields({ resource: 'urn:example:api' }) }),
    '“urn:example:api”',
  ),
  refuses(
    'a resource of another host',
    'RFC 9728 §3.3',
    'invalid_resource_metadata',
    (evil) => ({ resourceMetadata: fields({ resource: evil }) }),
    'another resource',
  ),
  refuses(
    'a resource with https where it was asked by http (behind a proxy)',
    'it is another origin',
    'invalid_resource_metadata',
    () => ({
      resourceMetadata: withFields(({ origin }) => ({
        resource: origin.replace('http:', 'https:'),
      })),
    }),
    'another resource',
  ),
  refuses(
    'authorization servers as one text',
    'who signs people in is never guessed',
    'invalid_resource_metadata',
    () => ({
      resourceMetadata: withFields(({ origin }) => ({ authorization_servers: origin })),
    }),
    'authorization_servers holds a string where a list of issuers is expected',
  ),
  refuses(
    'authorization servers that are null',
    'who signs people in is never guessed',
    'invalid_resource_metadata',
    () => ({ resourceMetadata: nulls('authorization_servers') }),
    'names no authorization server',
  ),
  refuses(
    'authorization servers as objects',
    'who signs people in is never guessed',
    'invalid_resource_metadata',
    () => ({
      resourceMetadata: withFields(({ origin }) => ({
        authorization_servers: [{ issuer: origin }],
      })),
    }),
    'names no authorization server',
  ),

  // RFC 8414 §3.2
  takes('server metadata as text/plain', 'a JSON document is one by its content', {
    serverMetadata: typed('text/plain'),
  }),
  takes('server metadata without a media type', 'a JSON document is one by its content', {
    serverMetadata: bare,
  }),
  takes('server metadata with 201', 'a success is one', { serverMetadata: withStatus(201) }),
  takes(
    'members of server metadata that are null',
    'null says nothing',
    {
      serverMetadata: nulls(
        'revocation_endpoint',
        'device_authorization_endpoint',
        'scopes_supported',
        'service_documentation',
        'token_endpoint_auth_methods_supported',
      ),
    },
    'revocation_endpoint was null',
  ),
  takes('an issuer with a slash at its end (JumpCloud, Expo)', 'it is the same URL', {
    serverMetadata: withFields(({ origin }) => ({ issuer: `${origin}/` })),
  }),
  takes('ways to authenticate as one text', 'the words are the same', {
    serverMetadata: fields({ token_endpoint_auth_methods_supported: 'client_secret_basic none' }),
  }),
  takes('no ways to authenticate', 'servers that say none take public clients', {
    serverMetadata: fields({ token_endpoint_auth_methods_supported: undefined }),
  }),
  takes('a start page in the place of RFC 8414’s metadata', 'OpenID Connect’s are there', {
    serverMetadata: instead({ headers: { 'content-type': 'text/html' }, body: '<p>Welcome' }),
    challenge: (seen, honest, app) =>
      seen.path !== '/.well-known/openid-configuration'
        ? honest()
        : {
            json: {
              issuer: app.origin,
              authorization_endpoint: app.at(authorizationPath),
              token_endpoint: app.at(tokenPath),
              registration_endpoint: app.at(registrationPath),
              code_challenge_methods_supported: ['S256'],
            },
          },
  }),
  ...[
    ['no PKCE methods (Cognito, Entra)', undefined],
    ['PKCE methods that are null', null],
    ['a PKCE method as a text', 'S256'],
    ['plain alone', ['plain']],
  ].map(([variant, methods]) =>
    refuses(
      String(variant),
      'a server without PKCE ignores the challenge, and a stolen code is enough',
      'unsupported_authorization_server',
      () => ({ serverMetadata: fields({ code_challenge_methods_supported: methods }) }),
      'S256',
    ),
  ),
  refuses(
    'the issuer of another host',
    'RFC 8414 §3.3',
    'invalid_server_metadata',
    () => ({ serverMetadata: fields({ issuer: 'https://as.example.com' }) }),
    'issuer is “https://as.example.com”',
  ),
  refuses(
    'an issuer with a path that was not asked for',
    'another tenant may stand there',
    'invalid_server_metadata',
    () => ({ serverMetadata: withFields(({ origin }) => ({ issuer: `${origin}/tenant` })) }),
    '/tenant”',
  ),
  refuses(
    'no issuer',
    'who signs people in is never guessed',
    'invalid_server_metadata',
    () => ({ serverMetadata: fields({ issuer: undefined }) }),
    'issuer holds nothing where a string is expected',
  ),
  refuses(
    'an issuer that is no URL',
    'who signs people in is never guessed',
    'invalid_server_metadata',
    () => ({ serverMetadata: fields({ issuer: 'the issuer' }) }),
    'issuer is “the issuer”',
  ),
  refuses(
    'a token endpoint on another origin (Google)',
    'the code is sent to the issuer alone',
    'invalid_server_metadata',
    (evil) => ({ serverMetadata: fields({ token_endpoint: `${evil}/token` }) }),
    'token_endpoint outside the issuer’s origin',
  ),
  refuses(
    'endpoints as paths',
    'endpoints are never guessed',
    'invalid_server_metadata',
    () => ({ serverMetadata: fields({ token_endpoint: tokenPath }) }),
    `“${tokenPath}”`,
  ),
  refuses(
    'no token endpoint',
    'endpoints are never guessed',
    'invalid_server_metadata',
    () => ({ serverMetadata: fields({ token_endpoint: undefined }) }),
    'no token_endpoint',
  ),
  refuses(
    'server metadata as text/html alone',
    written,
    'invalid_server_metadata',
    () => ({ serverMetadata: typed('text/html') }),
    '',
  ),

  // RFC 7591 §3.2.1
  takes('a registration with 200', 'a success is one', { registration: withStatus(200) }),
  takes('a registration with 202', 'a success is one', { registration: withStatus(202) }),
  takes(
    'a secret that says nothing of its end (workers-oauth-provider, Django, Jitsu)',
    'without an end it has none',
    { registration: fields({ client_secret: 's' }) },
    'client_secret_expires_at is missing, treated as 0',
  ),
  takes('a secret whose end is null', 'without an end it has none', {
    registration: fields({ client_secret: 's', client_secret_expires_at: null }),
  }),
  takes(
    'a secret whose end is digits in a text',
    'the number is the same',
    { registration: fields({ client_secret: 's', client_secret_expires_at: '0' }) },
    'client_secret_expires_at was a string of digits',
  ),
  takes('a secret whose end is a date', 'nothing goes by it', {
    registration: fields({ client_secret: 's', client_secret_expires_at: '2030-01-01T00:00:00Z' }),
  }),
  takes('a time of issue that is a date', 'nothing goes by it', {
    registration: fields({ client_id_issued_at: '2026-01-01T00:00:00Z' }),
  }),
  takes('a secret that is null', 'null says nothing', { registration: nulls('client_secret') }),
  takes('an empty secret', 'it is none', { registration: fields({ client_secret: '' }) }),
  takes('empty texts for pages that a client may have (Hydra)', 'they are not read', {
    registration: fields({ client_uri: '', logo_uri: '', tos_uri: '', policy_uri: '' }),
  }),
  takes('other members that are null', 'null says nothing', {
    registration: nulls('redirect_uris', 'scope', 'contacts', 'logo_uri', 'jwks'),
  }),
  takes('a secret for a client that asked for none', 'the server may decide so (RFC 7591 §3.2.1)', {
    registration: fields({
      client_secret: 's',
      client_secret_expires_at: 0,
      token_endpoint_auth_method: 'client_secret_post',
    }),
  }),
  takes('a registration as text/plain', 'a JSON document is one by its content', {
    registration: typed('text/plain'),
  }),
  takes('a registration without a media type', 'a JSON document is one by its content', {
    registration: bare,
  }),
  ...[
    ['no client_id', { client_id: undefined }, 'client_id holds nothing'],
    ['a client_id that is null', { client_id: null }, 'client_id holds nothing'],
    ['a client_id that is a number', { client_id: 7 }, 'client_id holds a number'],
    ['an empty client_id', { client_id: '' }, 'client_id holds an empty string'],
    ['clientId', { client_id: undefined, clientId: 'c' }, 'client_id holds nothing'],
    ['a nested client', { client_id: undefined, data: { client_id: 'c' } }, 'client_id'],
    ['a secret that is a number', { client_secret: 7 }, 'client_secret holds a number'],
  ].map(([variant, more, words]) =>
    refuses(
      String(variant),
      'who we are is never guessed, and a second registration would be no better',
      'registration_rejected',
      () => ({ registration: fields(more as Record<string, unknown>) }),
      String(words),
    ),
  ),
  refuses(
    'a registration as text/html',
    written,
    'registration_rejected',
    () => ({ registration: typed('text/html') }),
    'an HTML page came instead',
  ),
  refuses(
    'a list',
    'it holds no client',
    'registration_rejected',
    () => ({ registration: instead({ status: 201, json: [] }) }),
    'holds a list where a JSON object is expected',
  ),
  refuses(
    'an error with 200',
    'an error is one whatever its status',
    'registration_rejected',
    () => ({ registration: instead({ json: { error: 'access_denied' } }) }),
    '“access_denied”',
  ),
  refuses(
    'a registration that wants a token',
    'it is closed, which is not the redirection URI’s fault',
    'registration_rejected',
    () => ({ registration: instead({ status: 401, json: { error: 'invalid_token' } }) }),
    '“invalid_token”',
  ),
  refuses(
    'a refusal in plain words',
    'they are told as they are',
    'registration_rejected',
    () => ({ registration: instead({ status: 403, body: 'Registration is disabled' }) }),
    '“Registration is disabled”',
  ),
  refuses(
    'a registration that is not there (GitHub)',
    'the advice is to register beforehand',
    'registration_rejected',
    () => ({ registration: instead({ status: 404, body: 'Not found' }) }),
    '404',
  ),

  // RFC 6749 §5.1
  takes(
    'a lifetime in a text (NetSuite, Entra)',
    'the number is the same',
    {
      token: fields({ expires_in: '3599' }),
    },
    'expires_in was a string of digits',
  ),
  takes('a lifetime that is null', 'null says nothing', { token: nulls('expires_in') }),
  takes('a lifetime of 0', 'the token is used until it is refused', {
    token: fields({ expires_in: 0 }),
  }),
  takes(
    'a lifetime of -1',
    'the token is used until it is refused',
    {
      token: fields({ expires_in: -1 }),
    },
    'expires_in was not a lifetime',
  ),
  takes('a lifetime in words', 'the token is used until it is refused', {
    token: fields({ expires_in: 'never' }),
  }),
  takes(
    'no token type',
    'only Bearer is asked for and sent',
    {
      token: fields({ token_type: undefined }),
    },
    'token_type is missing, treated as Bearer',
  ),
  takes('a token type that is null', 'null says nothing', { token: nulls('token_type') }),
  takes('an empty token type', 'it says nothing', { token: fields({ token_type: '' }) }),
  takes('BEARER', 'types have no case', { token: fields({ token_type: 'BEARER' }) }),
  takes(
    'an empty refresh token',
    'it is none',
    {
      token: fields({ refresh_token: '' }),
    },
    'refresh_token was an empty string',
  ),
  takes('a refresh token that is null (pydantic)', 'null says nothing', {
    token: nulls('refresh_token'),
  }),
  takes(
    'a scope as a list',
    'the words are the same',
    {
      token: fields({ scope: ['read', 'write'] }),
    },
    'scope was a list',
  ),
  takes('a scope that is null', 'null says nothing', { token: nulls('scope') }),
  takes('a scope parted by commas (GitHub, Slack)', 'it is a word that is not ours to split', {
    token: fields({ scope: 'repo,gist' }),
  }),
  takes('tokens with 201 (Supabase, NestJS)', 'a success is one', { token: withStatus(201) }),
  takes('tokens with 202', 'a success is one', { token: withStatus(202) }),
  takes('tokens as text/plain', 'a JSON document is one by its content', {
    token: typed('text/plain'),
  }),
  takes('tokens as text/json', 'a JSON document is one by its content', {
    token: typed('text/json'),
  }),
  takes('tokens without a media type', 'a JSON document is one by its content', { token: bare }),
  takes('an ID token that is null', 'it is not read', { token: nulls('id_token', 'created_at') }),
  takes('an error that is null beside the token', 'null says nothing', {
    token: nulls('error', 'error_description'),
  }),
  ...[
    ['no access token', { access_token: undefined }, 'access_token holds nothing'],
    ['an access token that is null', { access_token: null }, 'access_token holds nothing'],
    ['an access token that is a number', { access_token: 7 }, 'access_token holds a number'],
    ['an access token that is a list', { access_token: ['a'] }, 'access_token holds a list'],
    ['an empty access token', { access_token: '' }, 'access_token holds an empty string'],
    ['accessToken', { access_token: undefined, accessToken: 'a' }, 'access_token holds nothing'],
    ['a nested token (Slack)', { access_token: undefined, authed_user: { access_token: 'a' } }, ''],
    ['a refresh token that is a number', { refresh_token: 7 }, 'refresh_token holds a number'],
    ['a scope that is an object', { scope: {} }, 'scope holds an object'],
    ['a token type that is a number', { token_type: 7 }, 'token_type holds a number'],
    ['a token type that is not Bearer', { token_type: 'mac' }, ''],
  ].map(([variant, more, words]) =>
    refuses(
      String(variant),
      'what lets us in is never guessed',
      'unsupported_authorization_server',
      () => ({ token: fields(more as Record<string, unknown>) }),
      String(words),
    ),
  ),
  refuses(
    'tokens as a form (GitHub, unless JSON is asked for, as it is)',
    'RFC 6749 §5.1 has JSON alone',
    'unsupported_authorization_server',
    () => ({
      token: instead({
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
        body: 'access_token=a&token_type=bearer',
      }),
    }),
    'holds no JSON where a JSON object is expected (HTTP 200, application/x-www-form-urlencoded)',
  ),
  refuses(
    'a JSON text in a JSON text',
    'it is a text',
    'unsupported_authorization_server',
    () => ({ token: instead({ json: '{"access_token":"a"}' }) }),
    'holds a string where',
  ),
  refuses(
    'nothing, with 204',
    'nothing was given',
    'unsupported_authorization_server',
    () => ({ token: instead({ status: 204 }) }),
    'holds nothing where',
  ),
  refuses(
    'an error with 200 (GitHub, Slack)',
    'an error is one whatever its status',
    'sign_in_expired',
    () => ({ token: instead({ json: { error: 'bad_verification_code', ok: false } }) }),
    '“bad_verification_code”',
  ),
  refuses(
    'an error beside a token',
    'who refuses does not grant',
    'sign_in_expired',
    () => ({ token: fields({ error: 'invalid_grant' }) }),
    '“invalid_grant”',
  ),
  refuses(
    'an error as a list (UAA)',
    'it is told in the server’s words, and is no OAuth error',
    'unsupported_authorization_server',
    () => ({ token: instead({ status: 401, json: [{ message: 'Bad credentials' }] }) }),
    'answered 401 and says “[{"message":"Bad credentials"}]”',
  ),
  refuses(
    'tokens as text/html (PHP’s own media type)',
    'a page may hold what somebody else has written, and a portal’s is gone in a minute',
    'temporarily_unavailable',
    () => ({ token: typed('text/html; charset=UTF-8') }),
    'an HTML page came instead',
  ),
];

matrix('what servers really send', rows);

it('has sixty variants and more', () => {
  expect(rows.length).toBeGreaterThanOrEqual(60);
});
