import { describe, expect, test } from 'vitest';
import type { Guard, UnauthenticatedAnswer } from '../../../src/cloudflare/protection.ts';
import { checkServiceTokenPair } from '../../../src/cloudflare/service-token/file.ts';
import {
  madeUpPair,
  serviceTokenMissing,
  serviceTokenRefused,
  tellServiceTokenVerdict,
} from '../../../src/cloudflare/service-token/refusal.ts';

const url = new URL('https://app.example.com/wiki?token=hidden');
const claims = { teamDomain: 'acme.cloudflareaccess.com' };

describe('a service token that is missing', () => {
  test('names the line to add and the team that the host claims', () => {
    const error = serviceTokenMissing(url, { state: 'host_not_allowed' }, claims);
    expect(error).toMatchObject({ code: 'service_token_host_not_allowed' });
    expect(error?.message).toContain(
      'claims (unverified) to be of the team acme.cloudflareaccess.com',
    );
    expect(error?.nextStep).toEqual([
      {
        when: 'trusted_with_secret',
        do: 'set_variables',
        variables: [{ name: 'CF_ACCESS_HOSTS', entry: 'app.example.com' }],
      },
      {
        when: 'own_team',
        do: 'set_variables',
        variables: [{ name: 'CF_ACCESS_TEAM_DOMAIN', value: 'acme.cloudflareaccess.com' }],
      },
    ]);
    expect(
      serviceTokenMissing(new URL('https://a.example.com:8443'), { state: 'not_configured' }, {}),
    ).toMatchObject({
      code: 'service_token_not_configured',
      nextStep: [{ do: 'use_service_token', host: 'a.example.com:8443' }],
    });
  });
});

describe('the answer to a service token (§4)', () => {
  const aud = { 'cf-access-aud': 'a1'.repeat(32) };
  const answer = (
    status: number,
    headers: Record<string, string> = {},
    bodyStart = '',
  ): UnauthenticatedAnswer => ({
    url,
    status,
    headers: new Headers(headers),
    bodyStart,
    challenges: [],
  });
  const login = answer(302, {
    location: 'https://acme.cloudflareaccess.com/cdn-cgi/access/login/app.example.com',
  });
  const json = { 'content-type': 'application/json' };

  test.each([
    ['200', answer(200), undefined, 'accepted'],
    ['the origin’s 500', answer(500), undefined, 'accepted'],
    ['the origin’s own 403', answer(403), undefined, 'accepted'],
    ['strict: 401', answer(401, aud), undefined, 'rejected'],
    ['strict: 403, and 401 for a made-up pair', answer(403, aud), answer(401, aud), 'not_allowed'],
    [
      'classic: 403, and 403 for a made-up pair',
      answer(403, aud),
      answer(403, aud),
      'rejected_or_not_allowed',
    ],
    ['403, not asked further', answer(403, aud), undefined, 'unknown'],
    [
      'a policy’s words',
      answer(403, { ...aud, 'cf-access-error': 'no' }),
      undefined,
      'not_allowed',
    ],
    ['classic: the login redirect', login, undefined, 'rejected_or_not_allowed'],
    ['a bare 401, not asked further', answer(401, json, '{"e":1}'), undefined, 'unknown'],
    [
      'a bare 401 that a made-up pair gets too',
      answer(401, json, '{"e":1}'),
      answer(401, json, '{"e":2}'),
      'rejected',
    ],
    [
      'the origin’s bare 401 behind Access',
      answer(401, json, '{"e":1}'),
      answer(401, aud, '<h1>Access</h1>'),
      'accepted',
    ],
  ] as const)('%s', (_, given, decoy, verdict) => {
    expect(tellServiceTokenVerdict(given, decoy)).toBe(verdict);
  });

  test('wrong and not allowed are told apart by code', () => {
    const guard: Guard = { protection: 'service_auth', claims: {} };
    expect(serviceTokenRefused(url, guard, 'rejected').code).toBe('service_token_rejected');
    expect(serviceTokenRefused(url, guard, 'rejected_or_not_allowed').code).toBe(
      'service_token_rejected',
    );
    expect(serviceTokenRefused(url, guard, 'not_allowed').code).toBe('access_denied');
    expect(serviceTokenRefused(url, guard, 'unknown').code).toBe('access_denied');
  });

  test('a made-up pair has today’s shape and is never the same', () => {
    const one = madeUpPair();
    expect(checkServiceTokenPair(one.clientId, one.clientSecret)).toEqual({
      problems: [],
      warnings: [],
    });
    expect(madeUpPair()).not.toEqual(one);
  });
});
