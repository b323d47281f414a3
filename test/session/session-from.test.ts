/** What a token response changes in a session, and what it leaves. */
import { expect, it } from 'vitest';
import type { Tokens } from '../../src/oauth/token.ts';
import type { Grant } from '../../src/session/records.ts';
import { sessionFrom } from '../../src/session/session-from.ts';

const obtainedAt = 1_800_000_000_000;
const grant: Grant = {
  issuer: 'https://as.example.com',
  tokenEndpoint: 'https://as.example.com/token',
  resourceIndicator: 'https://app.example.com/',
  client: { clientId: 'c', tokenEndpointAuthMethod: 'none' },
  refreshToken: 'old refresh token',
  scope: 'read',
  confirmed: true,
};
const session = { resource: 'https://app.example.com/', method: 'authorization_code' } as const;
const from = (tokens: Partial<Tokens>, more: Parameters<typeof sessionFrom>[0] = session) =>
  sessionFrom(more, grant, { accessToken: 'new', ...tokens }, obtainedAt);

it.each([
  [
    'keeps the refresh token and the scope if the response has none',
    {},
    ['old refresh token', 'read'],
  ],
  ['takes the new refresh token', { refreshToken: 'new' }, ['new', 'read']],
  ['takes the new scope', { scope: 'read write' }, ['old refresh token', 'read write']],
])('%s', (_, tokens, expected) => {
  const made = from(tokens).grant;
  expect([made?.refreshToken, made?.scope]).toEqual(expected);
});

it.each([
  ['60 seconds', { expiresIn: 60 }, obtainedAt + 60_000],
  ['no time at all', { expiresIn: 0 }, obtainedAt],
  ['an unknown time', {}, undefined],
])('a token that lives for %s', (_, tokens, expiresAt) => {
  expect(from(tokens).expiresAt).toBe(expiresAt);
  expect('expiresAt' in from(tokens)).toBe(expiresAt !== undefined);
});

it('takes nothing that was confirmed about the previous token for the new one', () => {
  expect(from({}).grant).not.toHaveProperty('confirmed');
  expect(from({ confirmed: true }).grant?.confirmed).toBe(true);
});

it('keeps when the person signed in, over all refreshes', () => {
  expect(from({}).signedInAt).toBe(obtainedAt);
  expect(from({}, { ...session, signedInAt: 5 }).signedInAt).toBe(5);
});

it('keeps the team and the audience of the resource', () => {
  const more = { teamDomain: 'acme.cloudflareaccess.com', audience: 'a1' };
  expect(from({}, { ...session, ...more })).toMatchObject(more);
});
