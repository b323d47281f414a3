/**
 * A URL lies within a path prefix only if it does so however a server reads it: `%2f..` once carried a
 * credential out of its path. The oracle shares nothing with the program: it walks
 * every reading that any sequence of the readings below leads to.
 */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { coversUrl } from '../../src/oauth/resource-scope.ts';
import { keysCovering } from '../../src/session/resource-key.ts';

type Reading = (path: string) => string;

/** One spelling of one character, or all of them at once: decoders differ. */
const decoding = (codes: readonly string[], character: string): Reading => {
  const spelled = new RegExp(codes.join('|'), 'gi');
  return (path) => path.replace(spelled, character);
};
const readings: readonly Reading[] = [
  decoding(['%2f'], '/'),
  decoding(['%5c'], '\\'),
  decoding(['%2e'], '.'),
  decoding(['%3b'], ';'),
  decoding(['%25'], '%'),
  (path) =>
    path.replace(/%([0-7][0-9a-f])/gi, (_, code: string) =>
      String.fromCharCode(Number.parseInt(code, 16)),
    ),
  (path) => path.split('\\').join('/'),
  (path) =>
    path
      .split('/')
      .map((segment) => segment.split(';')[0])
      .join('/'),
  (path) =>
    path
      .split('/')
      .map((segment) => segment.trim())
      .join('/'),
  (path) => {
    let text = path;
    while (text.includes('//')) text = text.split('//').join('/');
    return text;
  },
  resolved,
];

function resolved(path: string): string {
  const kept: string[] = [];
  const segments = path.split('/').slice(1);
  for (const [index, segment] of segments.entries()) {
    if (segment === '..') kept.pop();
    else if (segment !== '.') kept.push(segment);
    if ((segment === '..' || segment === '.') && index === segments.length - 1) kept.push('');
  }
  return `/${kept.join('/')}`;
}

/** Every pair that the prefix and the path become when a server reads both in one way. */
function allReadings(prefix: string, path: string): [prefix: string, path: string][] {
  const seen = new Map<string, [string, string]>();
  const open: [string, string][] = [[prefix, path]];
  for (let next = open.pop(); next; next = open.pop()) {
    const key = next.join('\n');
    if (seen.has(key)) continue;
    seen.set(key, next);
    for (const read of readings) open.push([read(next[0]), read(next[1])]);
  }
  return [...seen.values()];
}

const withoutEnd = (path: string) => path.replace(/\/+$/, '');
function isWithin([prefix, path]: [string, string]): boolean {
  const start = withoutEnd(prefix);
  return path === start || path.startsWith(`${start}/`);
}
const hasDoubleDot = ([, path]: [string, string]) => path.split(/[/\\]/).includes('..');

const prefix = fc.constantFrom(
  '/app',
  '/app/v1.2;a=b',
  '/100%25.txt',
  '/file%20name',
  '/a..b',
  '/a//b',
);
const percent = fc.constantFrom('%', '%25', '%2525', '%%32%35');
const spelling = (plain: string, ...codes: string[]) =>
  fc.oneof(
    fc.constant(plain),
    fc.tuple(percent, fc.constantFrom(...codes)).map((parts) => parts.join('')),
  );
const dot = spelling('.', '2e', '2E');
const slash = fc.oneof(spelling('/', '2f', '2F'), spelling('\\', '5c', '5C'));
const semicolon = spelling(';', '3b', '3B');
const word = fc.constantFrom(
  'app',
  'other',
  'x',
  '',
  'v1.2',
  'a..b',
  '..a',
  '.x',
  'a=b',
  '100%25',
  '%20',
  '%61',
);
const piece = fc.oneof(
  { weight: 3, arbitrary: slash },
  { weight: 3, arbitrary: fc.tuple(dot, dot).map((dots) => dots.join('')) },
  { weight: 1, arbitrary: dot },
  { weight: 2, arbitrary: word },
  { weight: 1, arbitrary: semicolon },
);
const rest = fc.array(piece, { maxLength: 8 }).map((pieces) => pieces.join(''));
const cases = fc.tuple(prefix, fc.constantFrom('/', '', '//'), rest);
/** The parser of Node 20 and 22 leaves this `..`: it reaches whatever does not parse by parseUrl. */
const overlooked: [[string, string, string]] = [['/app', '/', '.x/../../other']];

it('a prefix covers a URL only if it does so in every reading of both', () => {
  let covered = 0;
  let hidden = 0;
  fc.assert(
    fc.property(cases, ([start, between, end]) => {
      const url = new URL(`https://h.example${start}${between}${end}`);
      const resource = `https://h.example${start}`;
      const all = allReadings(start, url.pathname);
      const covers = coversUrl(resource, url);
      if (covers) expect(all.filter((each) => !isWithin(each))).toEqual([]);
      // Nothing is refused that no server could read as a way out.
      else if (isWithin([start, url.pathname])) expect(all.some(hasDoubleDot)).toBe(true);
      expect(coversUrl('https://h.example/', url)).toBe(true);
      if (covers) covered += 1;
      else if (isWithin([start, url.pathname])) hidden += 1;
    }),
    { numRuns: 10_000, examples: [overlooked] },
  );
  // Both happen, and often: else this test would say little.
  expect(covered).toBeGreaterThan(1_000);
  expect(hidden).toBeGreaterThan(1_000);
});

it('every key of a URL covers it in every reading', () => {
  fc.assert(
    fc.property(cases, ([start, between, end]) => {
      const url = new URL(`https://h.example${start}${between}${end}`);
      for (const key of keysCovering(url)) {
        const { pathname } = new URL(key);
        if (pathname === '/') continue;
        expect(allReadings(pathname, url.pathname).filter((each) => !isWithin(each))).toEqual([]);
      }
    }),
    { numRuns: 2_000, examples: [overlooked] },
  );
});
