/** However a URL is written, it chooses a credential of its own origin and path, or none (contract §4.2). */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { coversUrl } from '../../src/oauth/resource-metadata.ts';
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

it('metadata that cover a URL make a key that covers it too, and no wider one', () => {
  fc.assert(
    fc.property(resource, address, (claimed, asked) => {
      const url = new URL(asked);
      if (!coversUrl(claimed, url)) return;
      const key = resourceKey(claimed);
      expect(new URL(key).origin).toBe(url.origin);
      const covered = new URL(claimed).pathname.split('/').filter((part) => part !== '');
      expect(new URL(key).pathname.split('/').filter((part) => part !== '')).toEqual(covered);
      expect(keysCovering(url)).toContain(`${url.origin}/${covered.join('/')}`);
    }),
    { numRuns: 3_000 },
  );
});
