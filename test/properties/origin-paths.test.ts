/** Whatever a hostile address holds, another path of its origin stays on that origin (SECURITY.md, promise 1). */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { transferUrl } from '../../src/cloudflare/transfer/transfer-url.ts';
import { fetchResourceMetadata } from '../../src/oauth/resource-metadata.ts';
import { fetchServerMetadata } from '../../src/oauth/server-metadata.ts';
import { atPath, parseUrl, resolveReference } from '../../src/secure-url.ts';
import { cases } from '../support/cases.ts';

const piece = fc.constantFrom(
  '/',
  '//',
  '///',
  '\\',
  '\\\\',
  '.',
  '..',
  ':',
  '@',
  '?',
  '#',
  '%2f',
  '%5c',
  '%09',
  '\t',
  '\n',
  ' ',
  'evil.example.net',
  'evil.example.net:8443',
  'https:',
  'javascript:',
  'x',
  'cdn-cgi',
  '[::1]',
  'é',
  '\u3002',
  '\uff0f',
  '\u0000',
);
const text = fc.oneof(
  fc.array(piece, { maxLength: 8 }).map((pieces) => pieces.join('')),
  fc.string({ unit: 'binary', maxLength: 24 }),
);
const start = fc.constantFrom(
  'https://app.example.com',
  'https://app.example.com:8443',
  'http://127.0.0.1:8080',
);
const address = fc
  .tuple(start, text)
  .map(([origin, rest]) => `${origin}/${rest}`)
  .filter((whole) => URL.canParse(whole));
const runs = { numRuns: cases(10_000) };

it('a path, whatever it holds, names no other origin', () => {
  fc.assert(
    fc.property(address, text, (whole, pathname) => {
      const url = new URL(whole);
      const before = url.href;
      const other = atPath(url, pathname);
      expect(other.origin).toBe(url.origin);
      expect(new URL(other.href).origin).toBe(url.origin);
      expect([other.username, other.password, other.search, other.hash]).toEqual(['', '', '', '']);
      expect(url.href).toBe(before);
    }),
    runs,
  );
});

it('no dot segment is left in an address (WHATWG URL §4.4, path state)', () => {
  const segment = fc.constantFrom('a', '.a', '..a', 'a.', '', '.', '..', '%2e', '.%2E', '%2e%2e');
  let resolved = 0;
  fc.assert(
    fc.property(start, fc.array(segment, { maxLength: 6 }), (origin, segments) => {
      const kept: string[] = [];
      for (const [index, each] of segments.entries()) {
        const plain = each.replace(/%2e/gi, '.');
        if (plain === '..') kept.pop();
        else if (plain !== '.') kept.push(each);
        if (/^\.\.?$/.test(plain) && index === segments.length - 1) kept.push('');
      }
      const path = `/${segments.join('/')}`;
      const wanted = `/${kept.join('/')}`;
      if (path !== wanted) resolved += 1;
      const base = new URL(origin);
      expect(parseUrl(origin + path)?.pathname).toBe(wanted);
      expect(atPath(base, path).pathname).toBe(wanted);
      if (segments[0] !== '') expect(resolveReference(path, base)?.pathname).toBe(wanted);
    }),
    runs,
  );
  expect(resolved).toBeGreaterThan(runs.numRuns / 4);
});

it('the path of an address is the path of its copy', () => {
  fc.assert(
    fc.property(address, (whole) => {
      const url = parseUrl(whole);
      expect(url && atPath(url, url.pathname).pathname).toBe(url?.pathname);
    }),
    runs,
  );
});

it('metadata and a transfer are asked for at the origin of the address alone', async () => {
  const asked: URL[] = [];
  const fetch = async (url: URL | string) => {
    asked.push(new URL(url));
    return new Response('', { status: 404 });
  };
  await fc.assert(
    fc.asyncProperty(address, async (whole) => {
      const url = new URL(whole);
      asked.splice(0);
      await fetchResourceMetadata(url, undefined, fetch);
      await fetchServerMetadata(url, fetch).catch(() => {});
      const transfer = transferUrl(url, 'a'.repeat(64), 'key');
      expect(new Set([...asked, transfer].map(({ origin }) => origin))).toEqual(
        new Set([url.origin]),
      );
    }),
    runs,
  );
});
