import { expect, it } from 'vitest';
import { confirmsResource } from '../../src/oauth/token-audience.ts';

const resource = 'https://api.example.com/v1';
const jwt = (claims: unknown) =>
  `h.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.signature`;
const confirms = (access_token: string, named?: unknown) =>
  confirmsResource(
    {
      access_token,
      token_type: 'bearer',
      ...(named === undefined ? {} : { resource: named as string }),
    },
    resource,
    'login.example.org',
  );

it.each<[string, unknown, boolean]>([
  ['opaque', resource, true],
  ['opaque', 'https://api.example.com', true],
  ['opaque', 'https://API.example.com:443/v1/', true],
  ['opaque', ['https://other.example', resource], true],
  ['opaque', 'https://api.example.com/v10', false],
  ['opaque', 'https://api.example.com/v1/admin', false],
  ['opaque', null, false],
  ['opaque', undefined, false],
  [jwt({ aud: resource }), undefined, true],
  [jwt({ aud: ['x', 'https://api.example.com/'] }), null, true],
  [jwt({ aud: resource }), 'https://api.example.com/v2', false],
  [jwt({ aud: 'https://api.example.com@evil.example/v1' }), undefined, false],
  [jwt({ aud: 'http://api.example.com/v1' }), undefined, false],
  [jwt({ aud: { 0: resource } }), undefined, false],
  [jwt({ aud: '' }), undefined, false],
  [jwt({}), undefined, false],
  [jwt(resource), undefined, false],
  [jwt(null), undefined, false],
  [`${jwt({ aud: resource })}.more`, undefined, false],
  [jwt({ aud: resource }).replace('.signature', '.'), undefined, false],
  ['a.b.c', undefined, false],
])('%s with the resource %j: %s', (token, named, confirmed) => {
  expect(confirms(token, named)).toBe(confirmed);
});

it.each([
  'https://evil.example',
  'https://api.example.com.evil.example/v1',
  'https://api.example.com:8443/v1',
  'http://api.example.com/v1',
  'api.example.com',
  'urn:api',
  '',
  7,
  true,
  {},
  [],
  [['https://api.example.com']],
  ['https://evil.example', 'https://other.example'],
])('a token for %j is for somebody else', (named) => {
  expect(() => confirms(jwt({ aud: resource }), named)).toThrow(
    expect.objectContaining({ code: 'token_rejected' }),
  );
});
