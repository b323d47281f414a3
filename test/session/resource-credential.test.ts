/** Who holds a credential: cookies and kept answers are shared by what has the same `identity` only. */
import { describe, expect, it } from 'vitest';
import type { Session } from '../../src/session/records.ts';
import {
  cloudflaredCredential,
  serviceTokenCredential,
  sessionCredential,
} from '../../src/session/resource-credential.ts';
import { oauthSession } from './machine.ts';

const resource = 'https://app.example.com/';

describe('of a session', () => {
  const session: Session = {
    ...oauthSession(resource, 'A', 'https://as.example.com'),
    signedInAt: 7,
  };
  const { identity } = sessionCredential(session);

  it.each([
    ['is kept by a refresh', { accessToken: 'B', obtainedAt: 9, expiresAt: 11 }, true],
    ['changes with another sign-in', { signedInAt: 8 }, false],
    ['changes with the resource', { resource: 'https://app.example.com/admin' }, false],
    ['changes with the way of signing in', { method: 'device_code' }, false],
  ] as const)('%s', (_, change, same) => {
    expect(sessionCredential({ ...session, ...change }).identity === identity).toBe(same);
  });

  it('of a record from before `signedInAt` begins with its token', () => {
    const { signedInAt: _, ...old } = session;
    expect(sessionCredential(old).identity).toBe(
      sessionCredential({ ...old, signedInAt: old.obtainedAt }).identity,
    );
  });

  it('is sent as OAuth’s if it has a grant, and as Access’s own if not', () => {
    expect(sessionCredential(session).credential).toEqual({ kind: 'oauth', accessToken: 'A' });
    const { grant: _, ...transferred } = session;
    expect(sessionCredential(transferred).credential).toEqual({
      kind: 'cf_access_token',
      jwt: 'A',
    });
  });
});

describe('of a service token', () => {
  const of = (clientId: string, clientSecret: string) =>
    serviceTokenCredential(resource, { kind: 'service_token', clientId, clientSecret }).identity;

  it('is its client’s, also after its secret was renewed', () => {
    expect(of('a.access', 'new')).toBe(of('a.access', 'old'));
    expect(of('b.access', 'old')).not.toBe(of('a.access', 'old'));
  });
});

describe('of cloudflared’s token', () => {
  const jwt = (claims: object, signature = 'c2ln') =>
    ['{"alg":"RS256"}', JSON.stringify(claims)]
      .map((part) => Buffer.from(part).toString('base64url'))
      .concat(signature)
      .join('.');
  const of = (text: string) =>
    cloudflaredCredential({ jwt: text, resource, expiresAt: 1 }).identity;

  it.each([
    ['the same person’s next token', { sub: '1', email: 'a@example.com', exp: 2 }, true],
    ['another person’s', { sub: '2', email: 'a@example.com' }, false],
    ['another address of the same subject', { sub: '1', email: 'b@example.com' }, false],
  ])('%s', (_, claims, same) => {
    expect(of(jwt(claims)) === of(jwt({ sub: '1', email: 'a@example.com', exp: 1 }))).toBe(same);
  });

  it('is the token’s alone if it names nobody', () => {
    expect(of(jwt({ exp: 1 }))).not.toBe(of(jwt({ exp: 2 })));
    expect(of('no JWT')).not.toBe(of('no JWT either'));
  });
});
