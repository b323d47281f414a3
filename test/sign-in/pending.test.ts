/** When a pending sign-in is open, for those who read its record on disk. */
import { describe, expect, it } from 'vitest';
import { AccessError } from '../../src/errors.ts';
import type { PendingSignIn } from '../../src/session/records.ts';
import { endOf, failed, isOpenAt, isSameSignIn } from '../../src/sign-in/pending.ts';

const hourMs = 3_600_000;
const startedAt = 1_800_000_000_000;
const local: PendingSignIn = {
  format: 1,
  resource: 'https://app.example.com/',
  method: 'browser_transfer',
  startedAt,
  expiresAt: startedAt + hourMs,
  aliveAt: startedAt,
};
const code = (state: string): PendingSignIn => ({
  ...local,
  method: 'authorization_code',
  code: {
    authorizationUrl: 'https://acme.example.com/authorize',
    state,
    codeVerifier: 'v',
    redirectUri: 'http://localhost:8400/callback',
    port: 8400,
    issuer: 'https://acme.example.com',
    resourceIndicator: 'https://app.example.com/',
    client: { clientId: 'c', tokenEndpointAuthMethod: 'none' },
  },
});

describe('one by authorization code', () => {
  it.each([
    ['at once', 0, true],
    ['just before its end, whoever has died', hourMs - 1, true],
    ['at its end', hourMs, false],
    ['with the clock set back by less than it lasts', 1 - hourMs, true],
    ['with the clock set back by as much', -hourMs, false],
  ])('%s', (_, laterMs, open) => {
    expect(isOpenAt(code('s'), startedAt + laterMs)).toBe(open);
  });

  it('says how long nobody finished it', () => {
    expect(endOf(code('s')).message).toContain('within one hour');
    expect(endOf({ ...code('s'), expiresAt: startedAt + 600_000 }).message).toContain('10 minutes');
  });
});

describe('one that only its own process can finish', () => {
  it.each([
    ['just renewed', 0, true],
    ['renewed 14 seconds ago', 14_000, true],
    ['not renewed for 15 seconds', 15_000, false],
    ['renewed by a clock that was ahead', -15_000, false],
  ])('%s', (_, laterMs, open) => {
    expect(isOpenAt(local, startedAt + laterMs)).toBe(open);
  });

  it('is over at its end, though its process lives', () => {
    const now = startedAt + hourMs;
    expect(isOpenAt({ ...local, aliveAt: now }, now)).toBe(false);
  });

  it('ends with its process', () => {
    expect(endOf(local).message).toContain('is gone');
  });
});

it('that has failed is not open, and says why to everyone', () => {
  const over = failed(code('s'), new AccessError('sign_in_declined', 'No.', [{ do: 'stop' }]));
  expect(isOpenAt(over, startedAt)).toBe(false);
  expect(over.failure).toEqual({
    code: 'sign_in_declined',
    message: 'No.',
    nextStep: [{ do: 'stop' }],
  });
});

it('is told from another by its state, or by when it began', () => {
  expect(isSameSignIn(code('s'), { ...code('s'), startedAt: 1 })).toBe(true);
  expect(isSameSignIn(code('s'), code('t'))).toBe(false);
  expect(isSameSignIn(code('s'), local)).toBe(false);
  expect(isSameSignIn(local, code('s'))).toBe(false);
  expect(isSameSignIn(local, { ...local, aliveAt: 1 })).toBe(true);
  expect(isSameSignIn(local, { ...local, startedAt: 1 })).toBe(false);
  expect(isSameSignIn(local, undefined)).toBe(false);
});
