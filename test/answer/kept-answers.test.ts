import { expect, test } from 'vitest';
import { createPages, pageKey } from '../../src/answer/kept-answers.ts';

const request = {
  method: 'GET',
  url: 'https://a/',
  headers: [['accept', 'x']] as const,
  format: 'auto',
};

test('a key differs with everything that makes the answer another one', () => {
  const others = [
    { method: 'HEAD' },
    { url: 'https://a/b' },
    { headers: [] },
    { headers: [['accept', 'y']] as const },
    { format: 'raw' },
    { body: 'h' },
  ];
  const keys = [request, ...others.map((other) => ({ ...request, ...other }))].map(pageKey);
  expect(new Set(keys).size).toBe(keys.length);
  expect(pageKey({ ...request, headers: [['Accept', 'x']] })).toBe(pageKey(request));
});

test('keeps by count, by size and by age; what was used last stays longest', () => {
  let now = 0;
  const pages = createPages<string>({
    now: () => now,
    maxEntries: 3,
    maxBytes: 100,
    lifetimeMs: 1000,
  });
  for (const key of ['a', 'b', 'c']) pages.keep(key, key, 10);
  pages.take('a');
  pages.keep('d', 'd', 10);
  expect([pages.take('a'), pages.take('b'), pages.take('d')]).toEqual(['a', undefined, 'd']);
  pages.keep('big', 'big', 95);
  expect([pages.take('a'), pages.take('big')]).toEqual([undefined, 'big']);
  pages.keep('huge', 'huge', 101);
  expect([pages.take('huge'), pages.take('big')]).toEqual([undefined, 'big']);
  now = 1000;
  expect(pages.take('big')).toBeUndefined();
  pages.keep('e', 'e', 100);
  expect(pages.take('e')).toBe('e');
  pages.clear();
  expect(pages.take('e')).toBeUndefined();
});
