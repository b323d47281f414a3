/** A stored refresh token goes to no other origin than its issuer's, whatever the record says. */
import { expect, it } from 'vitest';
import { isOfIssuer, serverOf } from '../../src/session/grant-server.ts';
import type { Grant } from '../../src/session/records.ts';

const grant: Grant = {
  issuer: 'https://as.example.com/tenant',
  tokenEndpoint: 'https://as.example.com/token',
  resourceIndicator: 'https://app.example.com/',
  client: { clientId: 'c', tokenEndpointAuthMethod: 'none' },
};

it.each([
  ['as the server’s metadata had it', {}, true],
  ['with a revocation endpoint', { revocationEndpoint: 'https://as.example.com/revoke' }, true],
  [
    'with the default port written out',
    { tokenEndpoint: 'https://as.example.com:443/token' },
    true,
  ],
  ['a token endpoint elsewhere', { tokenEndpoint: 'https://evil.example/token' }, false],
  ['at another port', { tokenEndpoint: 'https://as.example.com:8443/token' }, false],
  ['in clear', { tokenEndpoint: 'http://as.example.com/token' }, false],
  ['a revocation endpoint elsewhere', { revocationEndpoint: 'https://evil.example/revoke' }, false],
  ['a token endpoint that is no URL', { tokenEndpoint: '/token' }, false],
  ['an issuer that is no URL', { issuer: 'as.example.com' }, false],
])('%s', (_, change, isSafe) => {
  expect(isOfIssuer({ ...grant, ...change })).toBe(isSafe);
});

it('gives a refresh its endpoints', () => {
  expect(serverOf(grant)).toEqual({ issuer: grant.issuer, token_endpoint: grant.tokenEndpoint });
  expect(serverOf({ ...grant, revocationEndpoint: 'https://as.example.com/revoke' })).toMatchObject(
    {
      revocation_endpoint: 'https://as.example.com/revoke',
    },
  );
});
