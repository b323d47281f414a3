/** What holds for every WWW-Authenticate field (RFC 9110 §11.6.1); the rest is in test/oauth. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { parseChallenges } from '../../src/oauth/challenge.ts';

/** As a sender that means no harm writes a text: everything special is escaped. */
const quote = (text: string) => `"${text.replace(/["\\]/g, '\\$&')}"`;

it('is not steered by any quoted text, wherever it stands (RFC 9110 §5.6.4)', () => {
  const evil = 'https://evil.example/';
  const text = fc.array(
    fc.constantFrom(
      '"',
      '\\',
      ',',
      ' ',
      '=',
      'Bearer ',
      'resource_metadata=',
      `"${evil}"`,
      evil,
      'x',
    ),
    { maxLength: 20 },
  );
  fc.assert(
    fc.property(text, text, fc.boolean(), (before, after, first) => {
      const own = 'resource_metadata="https://own.example/"';
      const words = `error_description=${quote(before.join(''))}, realm=${quote(after.join(''))}`;
      const parsed = parseChallenges(`Bearer ${first ? `${own}, ${words}` : `${words}, ${own}`}`);
      expect(parsed).toHaveLength(1);
      expect(parsed[0]?.parameters.get('resource_metadata')).toBe('https://own.example/');
      expect(parsed[0]?.parameters.get('error_description')).toBe(before.join(''));
    }),
    { numRuns: 500 },
  );
});

it('believes no more of a field when something is put behind it', () => {
  const unit = fc.constantFrom(...'aB=", \t\\;1'.split(''), 'Bearer ', 'a="b"');
  const field = fc.string({ unit, maxLength: 60 });
  fc.assert(
    fc.property(field, field, (start, end) => {
      const whole = parseChallenges(`${start},${end}`);
      const part = parseChallenges(start);
      // All but the last, whose parameters may go on.
      for (const [at, { scheme }] of part.slice(0, -1).entries()) {
        expect(whole[at]?.scheme).toBe(scheme);
      }
    }),
  );
});

it('gives no value that is not written in the field', () => {
  const unit = fc.constantFrom(
    ...'aB=", \t\\;1:/?#[]\''.split(''),
    'Bearer ',
    'resource_metadata=',
    'https://own.example/',
    'a="b"',
  );
  let urls = 0;
  fc.assert(
    fc.property(fc.string({ unit, maxLength: 40 }), (rest) => {
      const field = `Bearer ${rest}`;
      for (const { parameters } of parseChallenges(field)) {
        if (parameters.get('resource_metadata')) urls += 1;
        for (const value of parameters.values()) {
          const written = [...value].map((one) => `\\\\?${one.replace(/[^\w]/g, '\\$&')}`).join('');
          expect(field).toMatch(new RegExp(written));
        }
      }
    }),
    { numRuns: 3000 },
  );
  expect(urls).toBeGreaterThan(10);
});

it('takes time linear in its input', () => {
  const shapes: ((size: number) => string)[] = [
    (size) => '"'.repeat(size),
    (size) => `Bearer a="${'\\"'.repeat(size)}`,
    (size) => `Bearer a="${'\\\\'.repeat(size)}"`,
    (size) => 'a '.repeat(size),
    (size) => 'a=b,'.repeat(size),
    (size) => `Bearer ${Array.from({ length: size / 8 }, (_, at) => `a${at}=b`).join(', ')}`,
    (size) => ', \t'.repeat(size),
    (size) => `Bearer ${'A'.repeat(size)}`,
    (size) => `Bearer ${'='.repeat(size)}`,
    (size) => `Bearer a${' '.repeat(size)}=`,
  ];
  const fastest = (text: string) => {
    const times = Array.from({ length: 5 }, () => {
      const at = performance.now();
      parseChallenges(text);
      return performance.now() - at;
    });
    return Math.min(...times);
  };
  for (const shape of shapes) {
    const [small, large] = [fastest(shape(8_000)), fastest(shape(128_000))];
    // Sixteen times the input; quadratic would take 256 times as long.
    expect(large, shape(8)).toBeLessThan(Math.max(small * 100, 400));
  }
});
