import { describe, expect, test } from 'vitest';
import { readAccessToken, verifyAccessToken } from '../../src/cloudflare/application-token.ts';
import { createSigner, hs256, unsigned } from './signer.ts';

const signer = createSigner('k');
const audience = 'a1'.repeat(32);
const now = Date.UTC(2026, 10, 21);
const exp = now / 1000 + 3600;
const iss = 'https://acme.cloudflareaccess.com';
const application = new URL('https://app.example.com/');
const expected = { audience, application, now };
const claims = { aud: [audience], iss, exp, type: 'app' };

describe('an application’s token', () => {
  test.each([
    { ...claims },
    { ...claims, aud: audience },
    { ...claims, aud: ['b2'.repeat(32), audience] },
    { ...claims, type: undefined },
  ])('is read: %#', (given) => {
    const jwt = signer.jwt(given);
    expect(readAccessToken(jwt, { ...expected, teamDomain: 'acme.cloudflareaccess.com' })).toEqual({
      jwt,
      teamDomain: 'acme.cloudflareaccess.com',
      expiresAt: exp * 1000,
    });
  });

  test.each<[object, RegExp]>([
    [{ ...claims, aud: ['b2'.repeat(32)] }, /another application/],
    [{ ...claims, aud: undefined }, /another application/],
    [{ ...claims, aud: [] }, /another application/],
    [{ ...claims, aud: audience.toUpperCase() }, /another application/],
    [{ ...claims, exp: now / 1000 }, /expired/],
    [{ ...claims, exp: undefined }, /how long/],
    [{ ...claims, exp: String(exp) }, /how long/],
    [{ ...claims, iss: 'https://other.cloudflareaccess.com' }, /another team/],
    [{ ...claims, iss: 'https://evil.example' }, /not issued by a team/],
    [{ ...claims, iss: 'http://acme.cloudflareaccess.com' }, /not issued by a team/],
    [{ ...claims, iss: 'https://acme.cloudflareaccess.com/x' }, /not issued by a team/],
    [{ ...claims, iss: 'http://localhost:4000' }, /not issued by a team/],
    [{ ...claims, iss: undefined }, /not issued by a team/],
  ])('is refused: %#', (given, why) => {
    const token = readAccessToken(signer.jwt(given), {
      ...expected,
      teamDomain: 'acme.cloudflareaccess.com',
    });
    expect(token).toMatch(why);
  });

  test('is refused when it is not an RS256 JWT', () => {
    const none = `${unsigned({ alg: 'none', kid: 'k' }, claims)}.AAAA`;
    for (const jwt of ['', 'x.y.z', none, hs256({ kid: 'k' }, claims, 'secret')]) {
      expect(readAccessToken(jwt, expected)).toBe('is not a JWT signed by RS256');
    }
  });

  test('may have a team on loopback only for an application on loopback', () => {
    const jwt = signer.jwt({ ...claims, iss: 'http://localhost:4000' });
    const local = { ...expected, application: new URL('http://127.0.0.1:4001/') };
    expect(readAccessToken(jwt, local)).toMatchObject({ teamDomain: 'localhost:4000' });
    expect(readAccessToken(jwt, expected)).toMatch(/not issued/);
    const secure = signer.jwt({ ...claims, iss: 'https://localhost:4000' });
    expect(readAccessToken(secure, expected)).toMatch(/not issued/);
  });

  test('is verified by its team’s keys', async () => {
    const asked: string[] = [];
    const keys = {
      find: async ({ href }: URL, keyId: string) => {
        asked.push(`${href} ${keyId}`);
        return signer.publicKey;
      },
    };
    expect(await verifyAccessToken(signer.jwt(claims), expected, keys)).toMatchObject({
      expiresAt: exp * 1000,
    });
    expect(await verifyAccessToken(createSigner('k').jwt(claims), expected, keys)).toMatch(
      /not signed/,
    );
    expect(await verifyAccessToken(signer.jwt({ ...claims, exp: 1 }), expected, keys)).toMatch(
      /expired/,
    );
    expect(asked).toEqual(Array(2).fill('https://acme.cloudflareaccess.com/ k'));
  });
});

test('an org token has no application’s audience, and an application’s token does not pass for one', () => {
  const org = { ...expected, audience: undefined };
  expect(readAccessToken(signer.jwt({ iss, exp, type: 'org', aud: 'team' }), org)).toMatchObject({
    expiresAt: exp * 1000,
  });
  expect(readAccessToken(signer.jwt(claims), org)).toBe('is not the team’s');
});
