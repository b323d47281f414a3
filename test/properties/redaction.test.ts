/** No secret in a log line or a shown answer, wherever it stands (contract §4.9). */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { createLog, redact } from '../../src/log.ts';
import { createConcealer } from '../../src/secrets/concealer.ts';

const url64 = fc.constantFrom(...'ABCXYZabcxyz0189-_');
const letters = fc.constantFrom(...'ABCXYZabcxyz0189');
const secret = fc.oneof(
  fc.string({ unit: url64, minLength: 20, maxLength: 80 }).map((rest) => `oauth:${rest}`),
  fc.string({ unit: letters, minLength: 48, maxLength: 48 }).map((rest) => `cfast_${rest}`),
  fc.string({ unit: fc.constantFrom(...'0189abcdef'), minLength: 64, maxLength: 64 }),
  fc
    .tuple(...[0, 1, 2].map(() => fc.string({ unit: url64, minLength: 12, maxLength: 40 })))
    .map(([header, claims, signature]) => `eyJ${header}.eyJ${claims}.${signature}`),
);
/** What may stand beside a secret: nothing, a mark, or a word without a gap. */
const beside = fc.oneof(
  fc.constantFrom(
    '',
    ' ',
    '"',
    "'",
    '=',
    ':',
    ';',
    ',',
    '/',
    '(',
    '{"a":"',
    'token_',
    '_',
    'x',
    'é',
    '\n',
    '\u0000',
    '%',
  ),
  fc.string({ unit: 'binary', maxLength: 8 }),
);

it('redacts every secret of a known shape, whatever stands before it', () => {
  fc.assert(
    fc.property(beside, secret, (before, one) => {
      expect(redact(before + one)).not.toContain(one);
      expect(redact(`${before}${one} after`)).not.toContain(one);
    }),
    { numRuns: 2_000 },
  );
});

it('redacts two that stand side by side', () => {
  fc.assert(
    fc.property(
      secret,
      fc.constantFrom(' ', ',', ';', '"', '&x='),
      secret,
      (one, between, other) => {
        const clean = redact(one + between + other);
        expect(clean).not.toContain(one);
        expect(clean).not.toContain(other);
      },
    ),
  );
});

it('writes one line a message, without a secret, whatever a field holds', () => {
  fc.assert(
    fc.property(beside, secret, beside, (before, one, after) => {
      let line = '';
      createLog('debug', (text) => {
        line += text;
      })('info', `x ${before}`, { value: `${before} ${one} ${after}` });
      expect(line).not.toContain(one);
      expect(line.split('\n')).toHaveLength(2);
    }),
  );
});

it('conceals a secret of any shape in every form that it knows, at every place', () => {
  const forms: ((text: string) => string)[] = [
    (text) => text,
    encodeURIComponent,
    (text) => JSON.stringify(text),
    (text) => Buffer.from(text).toString('hex'),
    (text) => Buffer.from(text).toString('base64'),
    (text) => Buffer.from(text).toString('base64url'),
    (text) => Buffer.from(`Bearer ${text}`).toString('base64'),
  ];
  fc.assert(
    fc.property(
      fc.oneof(secret, fc.string({ unit: 'grapheme-ascii', minLength: 20, maxLength: 60 })),
      fc.constantFrom(...forms),
      fc.string({ unit: 'binary', maxLength: 40 }),
      fc.string({ maxLength: 40 }),
      (one, form, before, after) => {
        const { text } = createConcealer([one]);
        const clean = text(before + form(one) + after);
        expect(clean.includes(one)).toBe(false);
        // Of an encoded form, nothing may be left that still decodes to half of it.
        const core = form(one).slice(8, -8);
        expect(core.length > 8 && clean.includes(core)).toBe(false);
      },
    ),
    { numRuns: 1_000 },
  );
});

it('conceals several texts at once as each by itself, wherever the secret stands', () => {
  const one = createConcealer([
    'oauth:ABCXYZabcxyz0189ABCXYZabcxyz0189',
    'a-second_secret.of-its-own1',
  ]);
  const piece = fc.oneof(
    beside,
    secret,
    fc.constantFrom(...one.secrets),
    fc.constantFrom(...one.secrets).map((each) => each.slice(3)),
    fc.constantFrom(...one.secrets).map((each) => each.split('').join('\0')),
    fc.constantFrom(...one.secrets).map((each) => Buffer.from(each).toString('base64')),
    fc.constantFrom(...one.secrets).map((each) => `${each.slice(0, 12)}\n${each.slice(12)}`),
  );
  const texts = fc.array(
    fc.array(piece, { maxLength: 3 }).map((pieces) => pieces.join('')),
    { maxLength: 6 },
  );
  fc.assert(
    fc.property(texts, (values) => {
      expect(one.texts(values)).toEqual(values.map((value) => one.text(value)));
    }),
    { numRuns: 3_000 },
  );
});
