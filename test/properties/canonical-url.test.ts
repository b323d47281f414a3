/** However a URL is written, it chooses a credential of its own origin and path, or none (contract §4.2). */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { coversUrl } from '../../src/oauth/resource-scope.ts';
import { keysCovering, resourceKey } from '../../src/session/resource-key.ts';

const segment = fc.constantFrom(
  'a',
  'b',
  'ab',
  '..',
  '.',
  '',
  '%2e%2e',
  '%2E',
  '%2f',
  '%61',
  'a;x',
  '%00',
  'é',
  '//',
  '\\',
);
const path = fc.array(segment, { maxLength: 6 }).map((parts) => `/${parts.join('/')}`);
const host = fc.constantFrom(
  'app.example.com',
  'APP.example.com',
  'app.example.com:443',
  'app.example.com:8443',
  'app.example.com.',
  'evil.example',
  'app.example.com@evil.example',
);
const tail = fc.constantFrom('', '?a', '#b', '?next=https://evil.example/a');
const address = fc.tuple(host, path, tail).map((parts) => `https://${parts.join('')}`);
const resource = fc.tuple(host, path).map((parts) => `https://${parts.join('')}`);

it('a session’s key covers a URL only on its own origin, at a path segment’s border', () => {
  fc.assert(
    fc.property(resource, address, (kept, asked) => {
      const url = new URL(asked);
      const key = resourceKey(kept);
      if (!keysCovering(url).includes(key)) return;
      const { origin, pathname } = new URL(key);
      expect(origin).toBe(url.origin);
      const segments = (text: string) => text.split('/').filter((part) => part !== '');
      const prefix = segments(pathname);
      expect(segments(url.pathname).slice(0, prefix.length)).toEqual(prefix);
    }),
    { numRuns: 3_000 },
  );
});

it('writing a URL in another way that means the same chooses the same keys', () => {
  fc.assert(
    fc.property(address, (text) => {
      const url = new URL(text);
      const keys = keysCovering(url);
      expect(keysCovering(new URL(url.href))).toEqual(keys);
      expect(
        keysCovering(new URL(url.origin.toUpperCase().replace('HTTPS', 'https') + url.pathname)),
      ).toEqual(keys);
      url.search = '?x';
      url.hash = '#y';
      expect(keysCovering(url)).toEqual(keys);
    }),
  );
});

it('query, fragment and user name never bring another origin’s key', () => {
  fc.assert(
    fc.property(address, fc.webUrl(), (text, evil) => {
      const url = new URL(text);
      url.search = `?u=${evil}`;
      url.hash = evil;
      url.username = 'app.example.com';
      for (const key of keysCovering(url)) expect(new URL(key).origin).toBe(url.origin);
    }),
  );
});

/** Around the bound of `deepestResource` as well. */
const deep = fc
  .tuple(fc.integer({ min: 28, max: 36 }), fc.constantFrom('', '/', '/a', '//a', '/b/a'))
  .map(([count, end]) => `${'/a'.repeat(count)}${end}`);
const app = fc.constantFrom('app.example.com', 'APP.example.com:443', 'app.example.com:8443');
const deepOrNot = fc.tuple(app, fc.oneof(path, deep)).map((parts) => `https://${parts.join('')}`);

/** Drawn apart they seldom meet: an address, and a resource of one of its beginnings. */
const related = fc
  .tuple(deepOrNot, fc.nat({ max: 80 }), fc.constantFrom('', '/', '//', '/a'))
  .map(([text, cut, end]) => {
    const { origin, pathname } = new URL(text);
    return [origin + pathname.slice(0, cut) + end, text] as const;
  });

it('a session is found at a URL exactly when metadata may claim its resource there', () => {
  fc.assert(
    fc.property(fc.oneof(fc.tuple(deepOrNot, deepOrNot), related), ([claimed, asked]) => {
      const url = new URL(asked);
      expect(keysCovering(url).includes(resourceKey(claimed))).toBe(coversUrl(claimed, url));
    }),
    { numRuns: 5_000 },
  );
});

it('metadata that cover a URL make a key of just that part of its origin', () => {
  fc.assert(
    fc.property(resource, address, (claimed, asked) => {
      const url = new URL(asked);
      if (!coversUrl(claimed, url)) return;
      const key = new URL(resourceKey(claimed));
      expect(key.origin).toBe(url.origin);
      expect(key.pathname.replace(/\/+$/, '')).toBe(new URL(claimed).pathname.replace(/\/+$/, ''));
      expect(keysCovering(url)).toContain(key.href);
    }),
    { numRuns: 3_000 },
  );
});
