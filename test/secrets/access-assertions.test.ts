import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { createConcealer } from '../../src/secrets/concealer.ts';

const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
const jwt = (claims: unknown) =>
  `${part({ alg: 'RS256', kid: 'k' })}.${part(claims)}.${'s'.repeat(43)}`;
const audience = 'ab'.repeat(32);
const concealer = createConcealer(['oauth:what-was-sent']);
const hide = (text: string) => concealer.text(text);

describe('an echoed JWT', () => {
  it.each([
    ['with one audience tag', { aud: audience, iss: 'https://acme.cloudflareaccess.com' }],
    ['with a list of them', { aud: ['other', audience], type: 'app' }],
    ['of a team', { iss: 'https://acme.cloudflareaccess.com' }],
  ])('of Access (%s) is cut out, wherever it stands', (_, claims) => {
    const token = jwt(claims);
    for (const text of [token, `{"jwt":"${token}"}`, `a ${token}, ${token} b`]) {
      expect(hide(text)).not.toContain(token.slice(10, 60));
    }
    expect(hide(`before ${token} after`)).toBe('before [redacted] after');
  });

  it.each([
    ['of somebody else', jwt({ aud: 'https://api.example.com' })],
    ['without an audience', jwt({ sub: 'a' })],
    ['that is none', 'eyJhbGciOiJIUzI1NiJ9.eyJub3QganNvbg.ssssssssssssssssssss'],
  ])('%s stays', (_, token) => {
    expect(hide(`x ${token} y`)).toBe(`x ${token} y`);
  });

  it('stays where nothing was sent, since Access handed nothing to the origin then', () => {
    const token = jwt({ aud: audience });
    expect(createConcealer([]).text(token)).toBe(token);
  });

  it('is found from its own beginning, after one that is kept, and over the limits of its parts', () => {
    const token = jwt({ aud: audience });
    expect(hide(`a-eyJ-${token}`)).toBe('a-[redacted]');
    expect(hide(`xeyJ${token}`)).toBe('x[redacted]');
    expect(hide(`${jwt({ sub: 'a' })} ${token}.${token}`)).toBe(
      `${jwt({ sub: 'a' })} [redacted].[redacted]`,
    );
    expect(hide(`${token}${'s'.repeat(5000)}`)).toBe(`[redacted]${'s'.repeat(947)}`);
  });

  it('is cut out of what is streamed, wherever the chunks end', async () => {
    const token = jwt({ aud: audience });
    const whole = Buffer.from(`ey eyJ.eyJ ${token} and ${token}\n`);
    for (let size = 1; size < whole.length; size += 1) {
      const chunks: Buffer[] = [];
      for (let at = 0; at < whole.length; at += size) chunks.push(whole.subarray(at, at + size));
      const body = concealer.body(Readable.from(chunks, { objectMode: false }));
      expect((await buffer(body)).toString()).toBe('ey eyJ.eyJ [redacted] and [redacted]\n');
    }
  });

  it('is looked for in linear time', async () => {
    const startedAt = performance.now();
    for (const text of [
      'eyJaaaaaaaaa.'.repeat(100_000),
      'eyJ'.repeat(500_000),
      '-eyJ'.repeat(2_500_000),
      `.${'-eyJ'.repeat(1000)}.eyJaaaaaaaa`.repeat(500),
    ]) {
      hide(text);
      await buffer(concealer.body(Readable.from([Buffer.from(text)], { objectMode: false })));
    }
    expect(performance.now() - startedAt).toBeLessThan(10_000);
  });
});
