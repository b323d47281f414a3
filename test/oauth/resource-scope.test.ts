/** Which URLs a resource covers, in plain examples; test/properties/readings.test.ts tries the others. */
import { expect, it } from 'vitest';
import { hidesDotSegment } from '../../src/http/path-readings.ts';
import { coversUrl, deepestResource } from '../../src/oauth/resource-scope.ts';

it.each([
  ['https://a.example.com', 'https://a.example.com/x', true],
  ['https://a.example.com/x', 'https://a.example.com/x', true],
  ['https://a.example.com/x', 'https://a.example.com/x/y?z', true],
  ['https://a.example.com/x', 'https://a.example.com/xy', false],
  ['https://a.example.com/x', 'https://a.example.com/', false],
  ['https://a.example.com/x/..', 'https://a.example.com/y', true],
  ['http://a.example.com', 'https://a.example.com/', false],
  ['https://a.example.com:8443', 'https://a.example.com/', false],
  ['https://b.example.com', 'https://a.example.com/', false],
  ['https://a.example.com/x', 'https://a.example.com//x/y', false],
  ['https://a.example.com//x', 'https://a.example.com//x/y', true],
  ['nothing', 'https://a.example.com/', false],
])('%s covers %s: %s', (resource, url, covers) => {
  expect(coversUrl(resource, new URL(url))).toBe(covers);
});

it('refuses a resource that is deeper than its session would be looked for', () => {
  const at = (depth: number) => `https://a.example.com${'/x'.repeat(depth)}`;
  const url = new URL(at(deepestResource + 3));
  expect(coversUrl(at(deepestResource), url)).toBe(true);
  expect(coversUrl(`${at(deepestResource)}//`, url)).toBe(true);
  expect(coversUrl(at(deepestResource + 1), url)).toBe(false);
});

it('reads a resource whose path is all slashes in linear time', () => {
  const resource = `https://app.example.com/a${'/'.repeat(8000)}b`;
  const startedAt = performance.now();
  for (let times = 0; times < 200; times += 1)
    coversUrl(resource, new URL('https://app.example.com/'));
  expect(performance.now() - startedAt).toBeLessThan(5000);
});

const inApp = (path: string) =>
  coversUrl('https://h.example/app', new URL(`https://h.example${path}`));

it.each([
  '/app/..%2fother',
  '/app/..%2Fother',
  '/app/%2e%2e%2fother',
  '/app/%2e%2e%5cother',
  '/app/..%5cother',
  '/app/..%255cother',
  '/app/..%252fother',
  '/app/..%25252fother',
  '/app/%252e%252e/other',
  '/app/%252e%252e%252fother',
  '/app/.%252e/other',
  '/app/..;/other',
  '/app/..;a=b/other',
  '/app/..%3b/other',
  '/app/..%3ba=b%2fother',
  '/app/x;y/..;/..%2f../other',
  '/app/x/..%2f..%2fother',
  '/app//..%2fother',
  '/app/%2f..%2fother',
  '/app/%%32%65%%32%65/other',
  '/app/..%00/other',
  '/app/..%20/other',
  '/app/..%3f/other',
  '/app/..%23/other',
  '/app/.%00./other',
  '/app/%c0%ae%c0%ae/other',
  '/app/..%c0%afother',
  '/app/..%c1%9cother',
  '/app/%e0%80%ae%e0%80%ae/other',
  '/app/%u002e%u002e/other',
  '/app/..%u2215other/..;/other',
  '/app/%ef%bc%8e%ef%bc%8e/other',
  '/app/%E2%80%A5/other',
  `/app/..%${'25'.repeat(7)}2fother`,
  `/app/..%${'25'.repeat(40)}2fother`,
])('no credential of /app alone goes to %s', (path) => {
  expect(inApp(path)).toBe(false);
  const url = new URL(`https://h.example${path}`);
  expect(hidesDotSegment(url)).toBe(true);
  expect(coversUrl(url.href, url)).toBe(false);
  expect(coversUrl('https://h.example/', url)).toBe(true);
});

it.each([
  '/app/v1.2;a=b/x',
  '/app/100%25.txt',
  '/app/100%.txt',
  '/app/file%20name',
  '/app/a..b',
  '/app/..a',
  '/app/a..',
  '/app/.hidden',
  '/app/...',
  '/app/a;b=..',
  '/app/..%61',
  '/app/group%2Fproject',
  '/app/C%3A%5CUsers%5Cme',
  '/app/a%252Fb',
  '/app/caf%C3%A9',
  '/app/%E3%83%95%E3%82%A1%E3%82%A4%E3%83%AB.pdf',
  '/app/%2e',
  '/app/x;jsessionid=1A2B',
  '/app/name@1.0.0;.;',
  '/app//x',
  '/app/%ff%fe',
  '/app/../app/x',
  '/app/?next=..%2f..%2fother',
])('an honest name works: %s', (path) => {
  expect(inApp(path)).toBe(true);
});

it('a resource may have such a name itself', () => {
  for (const path of ['/v1.2;a=b', '/100%25.txt', '/file%20name', '/a..b', '/group%2Fproject']) {
    const resource = `https://h.example${path}`;
    expect(coversUrl(resource, new URL(`${resource}/x`))).toBe(true);
    expect(coversUrl(resource, new URL(`${resource}/..%2f..`))).toBe(false);
  }
});

it('reads a path of a hundred layers, or of half a million escapes, in linear time', () => {
  const startedAt = performance.now();
  for (const path of [
    `%${'25'.repeat(500_000)}2f`,
    '%2e%2f'.repeat(80_000),
    '%2e;'.repeat(100_000),
  ]) {
    inApp(`/app/${path}`);
  }
  expect(performance.now() - startedAt).toBeLessThan(5_000);
});
