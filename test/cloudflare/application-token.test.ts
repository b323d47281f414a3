import { describe, expect, test } from 'vitest';
import { isSamePerson, verifyAccessToken } from '../../src/cloudflare/application-token.ts';
import { createSigner, hs256, unsigned } from './signer.ts';

const signer = createSigner('k');
const audience = 'a1'.repeat(32);
const now = Date.UTC(2026, 10, 21);
const exp = now / 1000 + 3600;
const iss = 'https://acme.cloudflareaccess.com';
const application = new URL('https://app.example.com/');
const expected = { audience, application, now };
const claims = { aud: [audience], iss, exp, type: 'app' };

const keys = { find: async () => signer.publicKey };

describe('an application’s token', () => {
  test.each([
    { ...claims },
    { ...claims, aud: audience },
    { ...claims, aud: ['b2'.repeat(32), audience] },
    { ...claims, type: undefined },
    { ...claims, iat: now / 1000, nbf: now / 1000 },
    { ...claims, iat: now / 1000 + 299, nbf: now / 1000 + 299 },
  ])('is read: %#', async (given) => {
    const jwt = signer.jwt(given);
    const teamDomain = 'acme.cloudflareaccess.com';
    expect(await verifyAccessToken(jwt, { ...expected, teamDomain }, keys)).toEqual({
      jwt,
      teamDomain,
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
    [{ ...claims, iat: now / 1000 + 301 }, /not valid yet/],
    [{ ...claims, nbf: now / 1000 + 301 }, /not valid yet/],
    [{ ...claims, nbf: 'now' }, /not valid yet/],
    [{ ...claims, iss: `${iss}//evil.example` }, /not issued by a team/],
    [{ ...claims, iss: 'https://other.cloudflareaccess.com' }, /another team/],
    [{ ...claims, iss: 'https://evil.example' }, /not issued by a team/],
    [{ ...claims, iss: 'http://acme.cloudflareaccess.com' }, /not issued by a team/],
    [{ ...claims, iss: 'https://acme.cloudflareaccess.com/x' }, /not issued by a team/],
    [{ ...claims, iss: 'http://localhost:4000' }, /not issued by a team/],
    [{ ...claims, iss: undefined }, /not issued by a team/],
  ])('is refused: %#', async (given, why) => {
    const team = { ...expected, teamDomain: 'acme.cloudflareaccess.com' };
    const token = await verifyAccessToken(signer.jwt(given), team, keys);
    expect(token).toMatch(why);
  });

  test('is refused when it is not an RS256 JWT', async () => {
    const none = `${unsigned({ alg: 'none', kid: 'k' }, claims)}.AAAA`;
    for (const jwt of ['', 'x.y.z', none, hs256({ kid: 'k' }, claims, 'secret')]) {
      expect(await verifyAccessToken(jwt, expected, keys)).toBe('is not a JWT signed by RS256');
    }
  });

  test('may have a team on loopback only for an application on loopback', async () => {
    const jwt = signer.jwt({ ...claims, iss: 'http://localhost:4000' });
    const local = { ...expected, application: new URL('http://127.0.0.1:4001/') };
    expect(await verifyAccessToken(jwt, local, keys)).toMatchObject({
      teamDomain: 'localhost:4000',
    });
    expect(await verifyAccessToken(jwt, expected, keys)).toMatch(/not issued/);
    const secure = signer.jwt({ ...claims, iss: 'https://localhost:4000' });
    expect(await verifyAccessToken(secure, expected, keys)).toMatch(/not issued/);
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

test('an org token has no application’s audience, and an application’s token does not pass for one', async () => {
  const org = { ...expected, audience: undefined };
  expect(
    await verifyAccessToken(signer.jwt({ iss, exp, type: 'org', aud: 'team' }), org, keys),
  ).toMatchObject({
    expiresAt: exp * 1000,
  });
  expect(await verifyAccessToken(signer.jwt(claims), org, keys)).toBe('is not the team’s');
});

test.each<[object, object, boolean]>([
  [{ email: 'ada@example.com' }, { email: 'ada@example.com' }, true],
  [{ email: 'ada@example.com' }, { email: 'Ada@Example.com' }, true],
  [{ email: 'ada@example.com', sub: '1' }, { email: 'ada@example.com', sub: '2' }, true],
  [{ sub: '1' }, { sub: '1' }, true],
  [{ email: 'ada@example.com' }, { email: 'eve@example.com' }, false],
  [{ email: 'ada@example.com', sub: '1' }, { email: 'eve@example.com', sub: '1' }, false],
  [{ email: 'ada@example.com', sub: '1' }, { sub: '1' }, false],
  [{ sub: '1' }, { email: 'ada@example.com', sub: '1' }, false],
  [{ sub: '1' }, { sub: '2' }, false],
  [{ sub: '' }, { sub: '' }, false],
  [{ email: '', sub: '1' }, { email: '', sub: '1' }, true],
  [{ email: ['ada@example.com'] }, { email: ['ada@example.com'] }, false],
  [{}, {}, false],
])('%j and %j are one person’s: %s', (one, other, same) => {
  const of = (more: object) => ({
    jwt: signer.jwt({ ...claims, ...more }),
    teamDomain: 'acme.cloudflareaccess.com',
    expiresAt: exp,
  });
  expect(isSamePerson(of(one), of(other))).toBe(same);
});
