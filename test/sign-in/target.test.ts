/** Which credential belongs to a target, and which challenge asks for Bearer without metadata. */
import { describe, expect, it } from 'vitest';
import type { Guard } from '../../src/cloudflare/protection.ts';
import { parseChallenges } from '../../src/oauth/challenge.ts';
import {
  type ResourceCredential,
  sessionCredential,
} from '../../src/session/resource-credential.ts';
import { isBareBearer, isFrom, resourceOf } from '../../src/sign-in/target.ts';
import { oauthTarget, transferTarget } from '../access/answers.ts';
import { oauthSession } from '../session/machine.ts';

describe('a credential is from a target', () => {
  const issuer = 'https://acme.cloudflareaccess.com';
  const oauth = (resource: string, at = issuer) =>
    sessionCredential(oauthSession(resource, 'A', at));
  const jwt = (resource: string): ResourceCredential => ({
    credential: { kind: 'cf_access_token', jwt: 'A' },
    method: 'cloudflared',
    resource,
    identity: 'i',
  });
  const [wiki, whole] = [resourceOf(oauthTarget), resourceOf(transferTarget(true))];

  it.each([
    ['of the same resource and issuer', oauth(wiki), oauthTarget, true],
    ['not of another issuer', oauth(wiki, 'https://as.example.com'), oauthTarget, false],
    ['not of another resource', oauth(whole), oauthTarget, false],
    ['of the same resource, without an issuer', jwt(wiki), oauthTarget, true],
    ['of the same resource, by browser transfer', jwt(whole), transferTarget(true), true],
    ['not of another, by browser transfer', jwt(wiki), transferTarget(true), false],
    ['whatever the issuer, by browser transfer', oauth(whole), transferTarget(false), true],
  ])('%s', (_, credential, target, expected) => {
    expect(isFrom(credential, target)).toBe(expected);
  });
});

describe('a bare Bearer challenge', () => {
  const other = (how: 'challenge' | 'status') => ({ protection: 'other', how }) as Guard;

  it.each([
    ['of a 401', 'Bearer realm="api"', other('challenge'), true],
    ['beside another scheme', 'Basic realm="x", Bearer', other('challenge'), true],
    ['of another scheme', 'Basic realm="x"', other('challenge'), false],
    [
      'of a 403 that demands more scope',
      'Bearer error="insufficient_scope"',
      other('status'),
      true,
    ],
    ['of a 403 that does not', 'Bearer error="invalid_token"', other('status'), false],
    [
      'of a 403 with that word in another scheme',
      'Basic error="insufficient_scope"',
      other('status'),
      false,
    ],
    [
      'with metadata',
      'Bearer resource_metadata="https://app.example.com/m"',
      { protection: 'oauth' } as Guard,
      false,
    ],
  ])('%s', (_, field, guard, expected) => {
    expect(isBareBearer(guard, parseChallenges(field))).toBe(expected);
  });
});
