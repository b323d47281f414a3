import { describe, expect, it } from 'vitest';
import { hideAccessTokens } from '../../src/http/access-tokens.ts';

const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
const jwt = (claims: unknown) =>
  `${part({ alg: 'RS256', kid: 'k' })}.${part(claims)}.${'s'.repeat(43)}`;
const audience = 'ab'.repeat(32);

describe('an echoed JWT', () => {
  it.each([
    ['with one audience tag', { aud: audience, iss: 'https://acme.cloudflareaccess.com' }],
    ['with a list of them', { aud: ['other', audience], type: 'app' }],
  ])('of Access (%s) is cut out, wherever it stands', (_, claims) => {
    const token = jwt(claims);
    for (const text of [token, `{"jwt":"${token}"}`, `a ${token}, ${token} b`]) {
      expect(hideAccessTokens(text)).not.toContain(token.slice(10, 60));
    }
    expect(hideAccessTokens(`before ${token} after`)).toBe('before [redacted] after');
  });

  it.each([
    ['of somebody else', jwt({ aud: 'https://api.example.com' })],
    ['without an audience', jwt({ sub: 'a' })],
    ['that is none', 'eyJhbGciOiJIUzI1NiJ9.eyJub3QganNvbg.ssssssssssssssssssss'],
  ])('%s stays', (_, token) => {
    expect(hideAccessTokens(`x ${token} y`)).toBe(`x ${token} y`);
  });

  it('is found from its own beginning, after one that is kept, and over the limits of its parts', () => {
    const token = jwt({ aud: audience });
    expect(hideAccessTokens(`a-eyJ-${token}`)).toBe('a-[redacted]');
    expect(hideAccessTokens(`xeyJ${token}`)).toBe(`xeyJ${token}`);
    expect(hideAccessTokens(`${jwt({ sub: 'a' })} ${token}.${token}`)).toBe(
      `${jwt({ sub: 'a' })} [redacted].[redacted]`,
    );
    expect(hideAccessTokens(`${token}${'s'.repeat(5000)}`)).toBe(`[redacted]${'s'.repeat(947)}`);
  });

  it('is looked for in linear time', () => {
    const startedAt = performance.now();
    hideAccessTokens('eyJaaaaaaaaa.'.repeat(100_000));
    hideAccessTokens('eyJ'.repeat(500_000));
    hideAccessTokens('-eyJ'.repeat(2_500_000));
    hideAccessTokens(`.${'-eyJ'.repeat(1000)}.eyJaaaaaaaa`.repeat(500));
    expect(performance.now() - startedAt).toBeLessThan(5_000);
  });
});
