/** Under which keys a URL's session may lie; the rest is in test/properties (contract §4.2). */
import { expect, it } from 'vitest';
import { keysCovering, resourceKey } from '../../src/session/resource-key.ts';

it.each([
  ['https://h.example', ['https://h.example/']],
  ['https://h.example/a/b?c#d', ['/a/b', '/a', '/']],
  ['https://h.example/a/b/', ['/a/b', '/a', '/']],
  ['https://h.example//', ['/']],
])('%s', (url, keys) => {
  expect(keysCovering(new URL(url))).toEqual(
    keys.map((key) => (key.startsWith('/') ? `https://h.example${key}` : key)),
  );
});

it('does not give /admin’s session to //admin, which is another path', () => {
  const keys = keysCovering(new URL('https://h.example//admin/x'));
  expect(keys).not.toContain(resourceKey('https://h.example/admin'));
  expect(keys).toEqual([
    'https://h.example//admin/x',
    'https://h.example//admin',
    'https://h.example/',
  ]);
});

it('finds the session of a resource with an empty segment', () => {
  const key = resourceKey('https://h.example/a//b/');
  expect(keysCovering(new URL('https://h.example/a//b/c'))).toContain(key);
  expect(keysCovering(new URL('https://h.example/a/b/c'))).not.toContain(key);
});

it('gives 33 keys at most, since each may be a file to read', () => {
  const keys = keysCovering(new URL(`https://h.example${'/a'.repeat(5_000)}`));
  expect(keys).toHaveLength(33);
  expect(keys[0]).toBe(`https://h.example${'/a'.repeat(32)}`);
});
