import { expect, it } from 'vitest';
import { coversScope, joinScopes, scopesOf } from '../../src/oauth/scope.ts';

it('reads a scope as words parted by spaces, and leaves out what is none (RFC 6749 §3.3)', () => {
  expect(scopesOf('read  write "x" a\\b ü\u0000 urn:x:y')).toEqual(['read', 'write', 'urn:x:y']);
  expect(scopesOf(undefined)).toEqual([]);
});

it('joins scopes once each, in the order of their first appearance', () => {
  expect(joinScopes('read offline_access', undefined, 'write read')).toBe(
    'read offline_access write',
  );
  expect(joinScopes(undefined, '')).toBeUndefined();
});

it('tells whether a scope holds all that is wanted', () => {
  expect(coversScope('read write', 'write')).toBe(true);
  expect(coversScope('read', 'read write')).toBe(false);
  expect(coversScope('readwrite', 'read')).toBe(false);
  expect(coversScope(undefined, undefined)).toBe(true);
  expect(coversScope(undefined, 'read')).toBe(false);
});
