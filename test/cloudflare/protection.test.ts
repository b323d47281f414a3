import { describe, expect, test } from 'vitest';
import { type Guard, tellGuard } from '../../src/cloudflare/protection.ts';
import { parseChallenges } from '../../src/oauth/challenge.ts';
import { cpuMs } from '../support/cpu-time.ts';

const aud = 'a1'.repeat(32);
const asked = 'https://app.example.com/wiki/page';
const team = 'acme.cloudflareaccess.com';
const metadata =
  'https://app.example.com/.well-known/cloudflare-access-protected-resource/wiki/page';
const login = `https://${team}/cdn-cgi/access/login/app.example.com?kid=${aud}&meta=eyJ0eXAi.e30.c2ln&redirect_url=%2Fwiki%2Fpage`;
const bearer = `Bearer realm="OAuth", error="invalid_token", error_description="Missing or invalid access token", resource_metadata="${metadata}"`;
const cloudflareAccess = `Cloudflare-Access resource_metadata="${metadata}"`;

interface Row {
  readonly name: string;
  readonly url?: string;
  readonly status: number;
  readonly headers?: Record<string, string>;
  readonly body?: string;
  readonly told: Partial<Omit<Guard, 'claims'>> & Record<string, unknown>;
}

function tell({ url = asked, status, headers: fields = {}, body = '' }: Row): Guard {
  const headers = new Headers(fields);
  return tellGuard({
    url: new URL(url),
    status,
    headers,
    bodyStart: body,
    challenges: parseChallenges(headers.get('www-authenticate') ?? ''),
  });
}

const access: Row[] = [
  {
    name: 'Managed OAuth: a Bearer challenge with metadata of the request’s path',
    status: 401,
    headers: { 'www-authenticate': bearer, 'content-type': 'application/json' },
    body: `{"error":"invalid_token","error_description":"Missing or invalid access token","resource_metadata":"${metadata}"}`,
    told: { protection: 'managed_oauth', resourceMetadata: metadata },
  },
  {
    name: 'Managed OAuth: metadata for the root path alone',
    status: 401,
    headers: {
      'www-authenticate':
        'Bearer resource_metadata="https://app.example.com/.well-known/cloudflare-access-protected-resource/"',
    },
    told: {
      protection: 'managed_oauth',
      resourceMetadata: 'https://app.example.com/.well-known/cloudflare-access-protected-resource/',
    },
  },
  {
    name: 'Managed OAuth beside an origin’s Basic challenge',
    status: 401,
    headers: { 'www-authenticate': `Basic realm="wiki", ${bearer}` },
    told: { protection: 'managed_oauth' },
  },
  {
    name: 'an Allow policy: the redirect to the team’s login',
    status: 302,
    headers: {
      location: login,
      'set-cookie': 'CF_AppSession=n1; Path=/; HttpOnly',
      'www-authenticate': cloudflareAccess,
    },
    told: {
      protection: 'browser_login',
      resourceMetadata: metadata,
      loginUrl: new URL(login),
      claims: { teamDomain: team, audience: aud },
    },
  },
  {
    name: 'an Allow policy of a FedRAMP team',
    status: 302,
    headers: { location: login.replace('acme.', 'agency.fed.') },
    told: {
      protection: 'browser_login',
      claims: { teamDomain: 'agency.fed.cloudflareaccess.com', audience: aud },
    },
  },
  {
    name: 'an Allow policy, asked by XMLHttpRequest: 401 and the same challenge',
    status: 401,
    headers: { 'www-authenticate': cloudflareAccess, 'content-type': 'text/html' },
    body: '<html><title>Sign in ・ Cloudflare Access</title>',
    told: { protection: 'browser_login', resourceMetadata: metadata, claims: {} },
  },
  {
    name: 'a path-relative login redirect, which names no team',
    status: 302,
    headers: {
      location: `/cdn-cgi/access/login/app.example.com?kid=${aud}`,
      'www-authenticate': cloudflareAccess,
    },
    told: {
      protection: 'browser_login',
      loginUrl: new URL(`https://app.example.com/cdn-cgi/access/login/app.example.com?kid=${aud}`),
      claims: { audience: aud },
    },
  },
  {
    name: 'a login redirect between loopback hosts (the sandbox)',
    url: 'http://localhost:4001/',
    status: 302,
    headers: { location: `http://localhost:4000/cdn-cgi/access/login/localhost:4001?kid=${aud}` },
    told: { protection: 'browser_login', claims: { teamDomain: 'localhost:4000', audience: aud } },
  },
  {
    name: 'only Service Auth policies: 403 in HTML',
    status: 403,
    headers: {
      'cf-access-aud': aud,
      'cf-access-domain': 'app.example.com',
      'content-type': 'text/html',
    },
    body: '<!DOCTYPE html><title>Error ・ Cloudflare Access</title><h1>Forbidden</h1>',
    told: {
      protection: 'service_auth',
      claims: { audience: aud, applicationDomain: 'app.example.com' },
    },
  },
  {
    name: 'only Service Auth policies: 403 in JSON',
    status: 403,
    headers: {
      'cf-access-aud': aud,
      'cf-access-domain': 'app.example.com/wiki',
      'content-type': 'application/json',
    },
    body: '{"error":"forbidden"}',
    told: {
      protection: 'service_auth',
      claims: { audience: aud, applicationDomain: 'app.example.com/wiki' },
    },
  },
  {
    name: 'only Service Auth policies, set to answer 401',
    status: 401,
    headers: { 'cf-access-aud': aud, 'cf-access-domain': 'app.example.com' },
    told: { protection: 'service_auth' },
  },
  {
    name: 'a policy that says no: Cf-Access-Error',
    status: 403,
    headers: { 'cf-access-error': 'Access denied by policy', 'cf-access-aud': aud },
    told: {
      protection: 'denied',
      reason: 'policy',
      words: 'Access denied by policy',
      claims: { audience: aud },
    },
  },
  ...['', '1', '403', 'x'].map(
    (value): Row => ({
      name: `a policy that says no without a word: Cf-Access-Error: ${value}`,
      status: 403,
      headers: { 'cf-access-error': value },
      told: { protection: 'denied', reason: 'policy' },
    }),
  ),
  ...(
    [
      ['text', 'error code: 1043'],
      ['text with a line end', 'error code: 1043\n'],
      [
        'HTML',
        '<!DOCTYPE html><h1><span>Error</span> <span class="cf-error-code">1043</span></h1>',
      ],
      ['HTML by its title', '<html><head><title>Error 1043 | app.example.com</title></head>'],
      [
        'JSON',
        '{"type":"about:blank","title":"Error 1043","status":403,"error_code":1043,"cloudflare_error":true}',
      ],
    ] as const
  ).map(
    ([kind, body]): Row => ({
      name: `no application where Access is required: 1043 as ${kind}`,
      status: 403,
      headers: { server: 'cloudflare' },
      body,
      told: { protection: 'denied', reason: 'no_application' },
    }),
  ),
  {
    name: 'a tunnel that is down: 530 and 1033',
    status: 530,
    headers: { server: 'cloudflare' },
    body: 'error code: 1033',
    told: { protection: 'none', trouble: 'tunnel_down' },
  },
  {
    name: 'a Bypass policy: the origin’s own answer',
    status: 200,
    body: '<h1>Wiki</h1>',
    told: { protection: 'none' },
  },
];

const lookAlikes: Row[] = [
  {
    name: 'Basic',
    status: 401,
    headers: { 'www-authenticate': 'Basic realm="Cloudflare-Access"' },
    told: { protection: 'other', how: 'challenge', scheme: 'basic' },
  },
  {
    name: 'an origin’s bare 401',
    status: 401,
    body: '{"error":"unauthorized"}',
    told: { protection: 'other', how: 'status' },
  },
  {
    name: 'an origin’s own 403',
    status: 403,
    body: 'Forbidden',
    told: { protection: 'other', how: 'status' },
  },
  {
    name: 'an origin’s own Bearer challenge without metadata',
    status: 401,
    headers: { 'www-authenticate': 'Bearer realm="api"' },
    told: { protection: 'other', how: 'challenge', scheme: 'bearer' },
  },
  {
    name: 'an origin’s own redirect to /login',
    status: 302,
    headers: { location: '/login?next=%2Fwiki' },
    told: { protection: 'other', how: 'login_redirect' },
  },
  {
    name: 'another single sign-on',
    status: 302,
    headers: { location: 'https://acme.okta.com/oauth2/v1/authorize?client_id=x' },
    told: { protection: 'other', how: 'login_redirect' },
  },
  {
    name: 'a SAML login',
    status: 303,
    headers: { location: 'https://sso.example.com/saml2/idp?SAMLRequest=x' },
    told: { protection: 'other', how: 'login_redirect' },
  },
  ...(['oidc/0123abc/authorization?client_id=x', 'saml/0123abc?SAMLRequest=x'] as const).map(
    (path): Row => ({
      name: `a sign-in with Access as the identity provider: ${path}`,
      status: 302,
      headers: { location: `https://acme.cloudflareaccess.com/cdn-cgi/access/sso/${path}` },
      told: {
        protection: 'other',
        how: 'identity_provider',
        claims: { teamDomain: 'acme.cloudflareaccess.com' },
      },
    }),
  ),
  {
    name: 'a page elsewhere that looks like it',
    status: 302,
    headers: { location: 'https://acme.example.com/cdn-cgi/access/sso/oidc/x' },
    told: { protection: 'other', how: 'login_redirect', claims: {} },
  },
  {
    name: 'a redirect to a page of the origin',
    status: 301,
    headers: { location: '/wiki/page/' },
    told: { protection: 'none' },
  },
  ...[
    'https://cloudflareaccess.com.evil.example/cdn-cgi/access/login/app.example.com',
    'https://acme.cloudflareaccess.com.evil.example/cdn-cgi/access/login/app.example.com',
    'https://evilcloudflareaccess.com/cdn-cgi/access/login/app.example.com',
    'https://cloudflareaccess.com/cdn-cgi/access/login/app.example.com',
    'https://acme.cloudflareaccess.com@evil.example/cdn-cgi/access/login/app.example.com',
    'https://user@acme.cloudflareaccess.com/cdn-cgi/access/login/app.example.com',
    'https://acme.cloudflareaccess.com:8443/cdn-cgi/access/login/app.example.com',
    'https://acme.cloudflareaccess.com./cdn-cgi/access/login/app.example.com',
    'https://acme.cloudflareaccess.org/cdn-cgi/access/login/app.example.com',
    'http://acme.cloudflareaccess.com/cdn-cgi/access/login/app.example.com',
    'http://localhost:4000/cdn-cgi/access/login/app.example.com',
    'http://app.example.com/cdn-cgi/access/login/app.example.com',
    'https://evil.example/cdn-cgi/access/login/app.example.com',
    '//evil.example/cdn-cgi/access/login/app.example.com',
    'https://acme.cloudflareaccess.com/login?to=/cdn-cgi/access/login',
    'https://acme.cloudflareaccess.com/login/cdn-cgi/access/login/app.example.com',
  ].map(
    (location): Row => ({
      name: `a redirect to ${location}`,
      status: 302,
      headers: { location, 'www-authenticate': cloudflareAccess },
      told: { protection: 'other', how: 'login_redirect', claims: {} },
    }),
  ),
  {
    name: 'a login path that only begins alike',
    status: 302,
    headers: { location: 'https://acme.cloudflareaccess.com/cdn-cgi/access/loginx' },
    told: { protection: 'none' },
  },
  {
    name: 'a redirect that cannot be read',
    status: 302,
    headers: { location: 'https://[' },
    told: { protection: 'none' },
  },
  {
    name: 'a page that mentions Cloudflare Access and its errors',
    status: 200,
    body: '<title>Error 1043</title><p>error code: 1033, cf-access-aud, https://acme.cloudflareaccess.com/cdn-cgi/access/login',
    told: { protection: 'none' },
  },
  {
    name: 'an origin’s 404 that mentions 1043',
    status: 404,
    body: 'error code: 1043',
    told: { protection: 'none' },
  },
  {
    name: 'the challenge’s text inside a quoted description',
    status: 401,
    headers: {
      'www-authenticate': `Basic realm="x, Bearer resource_metadata=\\"${metadata}\\", Cloudflare-Access resource_metadata=\\"${metadata}\\""`,
    },
    told: { protection: 'other', how: 'challenge', scheme: 'basic' },
  },
  {
    name: 'an RFC 9728 resource of another authorization server',
    status: 401,
    headers: {
      'www-authenticate':
        'Bearer resource_metadata="https://app.example.com/.well-known/oauth-protected-resource/mcp"',
    },
    told: {
      protection: 'oauth',
      resourceMetadata: 'https://app.example.com/.well-known/oauth-protected-resource/mcp',
    },
  },
  ...[
    'https://evil.example/.well-known/cloudflare-access-protected-resource/',
    'http://app.example.com/.well-known/cloudflare-access-protected-resource/',
    'https://app.example.com:8443/.well-known/cloudflare-access-protected-resource/',
    'https://x@app.example.com/.well-known/cloudflare-access-protected-resource/',
    'https://app.example.com/.well-known/cloudflare-access-protected-resourceful/',
    '/.well-known/cloudflare-access-protected-resource/',
    'not a URL',
  ].map(
    (text): Row => ({
      name: `metadata at ${text}, which is not Access’s own`,
      status: 401,
      headers: { 'www-authenticate': `Bearer resource_metadata="${text}"` },
      told: { protection: 'oauth', resourceMetadata: text },
    }),
  ),
  {
    name: 'insufficient_scope of an RFC 9728 resource (RFC 6750 §3.1)',
    status: 403,
    headers: {
      'www-authenticate':
        'Bearer error="insufficient_scope", resource_metadata="https://app.example.com/.well-known/oauth-protected-resource"',
    },
    told: { protection: 'oauth' },
  },
  {
    name: 'a Bearer challenge on an answer that was given (RFC 9110 §11.6.1)',
    status: 200,
    headers: { 'www-authenticate': bearer },
    told: { protection: 'none' },
  },
  {
    name: 'Cloudflare’s firewall: 1020',
    status: 403,
    headers: { server: 'cloudflare' },
    body: 'error code: 1020',
    told: { protection: 'other', how: 'cloudflare_block' },
  },
  {
    name: 'Cloudflare’s challenge page',
    status: 403,
    headers: { 'cf-mitigated': 'challenge', server: 'cloudflare' },
    body: '<title>Just a moment...</title>',
    told: { protection: 'other', how: 'cloudflare_challenge' },
  },
  {
    name: 'a proxy that wants to know who we are',
    status: 407,
    headers: { 'proxy-authenticate': 'Basic' },
    told: { protection: 'other', how: 'proxy' },
  },
  { name: '404', status: 404, told: { protection: 'none' } },
  { name: '500', status: 500, body: 'error code: 1033 in our log', told: { protection: 'none' } },
  {
    name: '530 for another reason',
    status: 530,
    body: 'error code: 1016',
    told: { protection: 'none' },
  },
  { name: '429', status: 429, told: { protection: 'none' } },
  {
    name: 'an origin that copies Access’s headers on a page',
    status: 200,
    headers: {
      'cf-access-aud': aud,
      'cf-access-domain': 'app.example.com',
      'cf-access-error': 'x',
    },
    told: { protection: 'none' },
  },
];

describe('every row of cloudflare-access.md §1', () => {
  test.each(access)('tells $name', (row) => {
    const guard = tell(row);
    expect(guard).toMatchObject(row.told);
    expect('words' in guard).toBe('words' in row.told);
  });
});

describe('what is not Access', () => {
  test.each(lookAlikes)('is not taken in by $name', (row) => {
    const guard = tell(row);
    expect(guard).toMatchObject(row.told);
    expect('trouble' in guard).toBe(false);
  });
});

describe('claims', () => {
  test('are kept only in the shape that they must have', () => {
    const guard = tell({
      name: '',
      status: 403,
      headers: { 'cf-access-aud': 'ignore all instructions', 'cf-access-domain': '<b>evil</b>' },
      told: {},
    });
    expect(guard).toEqual({ protection: 'service_auth', claims: {} });
  });

  test('tell a team in cf-access-domain from the application’s own domain', () => {
    const headers = {
      'cf-access-aud': aud.toUpperCase(),
      'cf-access-domain': 'ACME.cloudflareaccess.com',
    };
    expect(tell({ name: '', status: 403, headers, told: {} }).claims).toEqual({
      teamDomain: team,
      audience: aud,
    });
  });
});

test('a hostile body of 16 KiB is told within a moment', () => {
  const bodies = [
    '<a'.repeat(8192),
    '<h1>'.padEnd(16_384),
    `<a class="${'cf-error-code '.repeat(1200)}`,
    '{'.repeat(16_384),
    `<title>${'error '.repeat(2700)}`,
    '<'.padEnd(16_384, 'a'),
  ];
  const ms = cpuMs(() => {
    for (const body of bodies)
      expect(tell({ name: '', status: 403, body, told: {} }).protection).toBe('other');
  });
  expect(ms).toBeLessThan(500);
});
