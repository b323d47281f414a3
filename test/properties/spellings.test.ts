/**
 * A secret that comes back is cut out whatever spelling it has, and wherever the chunks end; what is no
 * secret comes through as it is (contract §4.9).
 */
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { createConcealer } from '../../src/secrets/concealer.ts';
import { cases } from '../support/cases.ts';

/** As in a header field. */
const withoutBlanks = (text: string) => text.replaceAll(' ', '_');
const url64 = fc.constantFrom(...'ABCXYZabcxyz0189-_');
const word = (minLength: number, maxLength: number) =>
  fc.string({ unit: url64, minLength, maxLength });
const jwt = fc
  .tuple(word(20, 60), word(40, 200), word(43, 90))
  .map(([header, claims, signature]) => `eyJ${header}.eyJ${claims}.${signature}`);
const secret = fc.oneof(
  word(20, 80).map((rest) => `oauth:${rest}`),
  jwt,
  fc.string({ unit: fc.constantFrom(...'0189abcdef'), minLength: 64, maxLength: 64 }),
  fc.string({ unit: 'grapheme-ascii', minLength: 12, maxLength: 60 }).map(withoutBlanks),
  fc.string({ unit: fc.constantFrom(...'=&%+/-:;\\"\'<>.~!a1'), minLength: 12, maxLength: 40 }),
);

const hex = (code: number, digits = 2) => code.toString(16).padStart(digits, '0');
const isAlphanumeric = (character: string) => /[a-z\d]/i.test(character);
const names: Record<string, string> = {
  '&': 'amp',
  '<': 'lt',
  '>': 'gt',
  '"': 'quot',
  "'": 'apos',
  '=': 'equals',
  '/': 'sol',
  '+': 'plus',
  ':': 'colon',
  '.': 'period',
  _: 'lowbar',
  '%': 'percnt',
  '\\': 'bsol',
  ';': 'semi',
};

/** Each gives one character; the second argument says whether hexadecimal is in upper case. */
const spellings: ((character: string, code: number, upper: boolean) => string)[] = [
  (character) => character,
  (_, code, upper) => `%${cased(hex(code), upper)}`,
  (_, code, upper) => `%25${cased(hex(code), upper)}`,
  (_, code) => `&#${code};`,
  (_, code) => `&#0${code};`,
  (_, code, upper) => `&#x${cased(hex(code), upper)};`,
  (_, code, upper) => `&amp;#x${cased(hex(code), upper)};`,
  (character, code) => (names[character] ? `&${names[character]};` : `&#${code};`),
  (_, code, upper) => `\\u${cased(hex(code, 4), upper)}`,
  (_, code, upper) => `\\\\u${cased(hex(code, 4), upper)}`,
  (_, code, upper) => `\\x${cased(hex(code), upper)}`,
  (character) => `\\${character}`,
  (_, code, upper) => `=${cased(hex(code), upper)}`,
];
/** Such as hold letters and digits too. */
const forAll = [
  spellings[1],
  spellings[3],
  spellings[5],
  spellings[8],
  spellings[10],
  spellings[12],
];

function cased(digits: string, upper: boolean): string {
  return upper ? digits.toUpperCase() : digits;
}

/** `text` with its marks in the spellings that `choices` name in turn, its letters as they are or all in one. */
function spell(
  text: string,
  choices: readonly [number, boolean][],
  letters?: number,
  upper = false,
) {
  return [...text]
    .map((character, index) => {
      const code = character.charCodeAt(0);
      if (isAlphanumeric(character)) {
        return letters === undefined
          ? character
          : (forAll[letters]?.(character, code, upper) ?? '');
      }
      const [which, inUpper] = choices[index % choices.length] ?? [0, true];
      return spellings[which]?.(character, code, inUpper) ?? '';
    })
    .join('');
}

const encodings: Record<string, (text: string) => Buffer> = {
  bytes: (text) => Buffer.from(text),
  utf16le: (text) => Buffer.from(text, 'utf16le'),
  utf16be: (text) => Buffer.from(text, 'utf16le').swap16(),
};

const choices = fc.array(
  fc.tuple(fc.integer({ min: 0, max: spellings.length - 1 }), fc.boolean()),
  { minLength: 1, maxLength: 20 },
);
/** None of it can be read as a part of a spelling. */
const around = fc.string({ unit: fc.constantFrom(' ', '\n', 'é'), maxLength: 30 });
const sizes = fc.array(
  fc.oneof(fc.integer({ min: 1, max: 30 }), fc.integer({ min: 60, max: 400 })),
  {
    minLength: 1,
    maxLength: 20,
  },
);

function chunked(whole: Buffer, by: readonly number[]): Buffer[] {
  const chunks: Buffer[] = [];
  for (let at = 0, turn = 0; at < whole.length; turn += 1) {
    const next = at + (by[turn % by.length] ?? 1);
    chunks.push(whole.subarray(at, next));
    at = next;
  }
  return chunks;
}

async function clean(secrets: readonly string[], whole: Buffer, by: readonly number[]) {
  const body = Readable.from(chunked(whole, by), { objectMode: false });
  return buffer(createConcealer(secrets).body(body));
}

const runs = cases(10_000);

it(`cuts a secret out in any spelling and over any chunks (${runs} cases)`, async () => {
  await fc.assert(
    fc.asyncProperty(
      secret,
      choices,
      fc.option(fc.tuple(fc.integer({ min: 0, max: forAll.length - 1 }), fc.boolean()), {
        nil: undefined,
        freq: 3,
      }),
      fc.constantFrom(...Object.keys(encodings)),
      around,
      around,
      sizes,
      async (one, marks, letters, encoding, before, after, by) => {
        const encode = encodings[encoding] as (text: string) => Buffer;
        // Letters are escaped in text of one byte a character.
        const spelled =
          letters && encoding === 'bytes' ? spell(one, marks, ...letters) : spell(one, marks);
        const whole = Buffer.concat([encode(before), encode(spelled), encode(after)]);
        const left = await clean([one], whole, by);
        const expected = Buffer.concat([encode(before), Buffer.from('[redacted]'), encode(after)]);
        // UTF-16 may be read half a character apart too: then a half is left.
        const halves = (bytes: Buffer) => {
          const text = bytes.toString('latin1');
          return encoding === 'bytes' ? text : text.replaceAll('\0', '');
        };
        expect(halves(left)).toBe(halves(expected));
      },
    ),
    { numRuns: runs },
  );
}, 300_000);

it('cuts the parts of a JWT that is split at its dots', async () => {
  await fc.assert(
    fc.asyncProperty(jwt, choices, sizes, async (one, marks, by) => {
      const [header = '', payload = '', signature = ''] = one.split('.');
      const parts = [header, spell(payload, marks), spell(signature, marks)];
      const left = (await clean([one], Buffer.from(JSON.stringify(parts)), by)).toString();
      expect(left).not.toContain(payload);
      expect(left).not.toContain(signature);
      expect(left).toBe(`[${JSON.stringify(header)},"[redacted]","[redacted]"]`);
    }),
    { numRuns: cases(1_000) },
  );
});

/** As PEM (64), MIME (76) and most tools wrap lines, the first one after `indent` columns that are taken. */
const wrapping = fc.record({
  width: fc.constantFrom(64, 70, 76, 80, 998),
  /** Three characters at least stand in the first line: fewer are not waited for. */
  taken: fc.integer({ min: 0, max: 61 }),
  lineEnd: fc.constantFrom('\n', '\r\n', '\n  ', '\r\n\t'),
});

function wrapped(
  text: string,
  { width, taken, lineEnd }: { width: number; taken: number; lineEnd: string },
): string {
  const first = width - taken;
  const lines = [text.slice(0, first)];
  for (let at = first; at < text.length; at += width) lines.push(text.slice(at, at + width));
  return lines.join(lineEnd);
}

/** What is left of a secret's encoding: a break that early, and the bits that neighbours share, may save. */
const mostLeft = 16;

it('cuts a secret out of base64 and hexadecimal whose marks are spelled in whatever way', async () => {
  await fc.assert(
    fc.asyncProperty(
      secret.filter(({ length }) => length >= 20),
      fc.constantFrom('base64', 'base64url', 'hex'),
      fc.string({ maxLength: 3 }),
      choices,
      sizes,
      async (one, encoding, before, marks, by) => {
        const encoded = Buffer.from(`${before}${one} and more`).toString(encoding as 'hex');
        const left = (await clean([one], Buffer.from(spell(encoded, marks)), by)).toString();
        expect(left).toContain('[redacted]');
        expect(left.length).toBeLessThan(80);
      },
    ),
    { numRuns: cases(2_000) },
  );
});

it('cuts a secret out of base64 and hexadecimal whose lines are wrapped', async () => {
  await fc.assert(
    fc.asyncProperty(
      secret.filter(({ length }) => length >= 20),
      fc.constantFrom('base64', 'base64url', 'hex'),
      wrapping,
      sizes,
      async (one, encoding, lines, by) => {
        const encoded = wrapped(Buffer.from(one).toString(encoding as 'hex'), lines);
        const left = (await clean([one], Buffer.from(encoded), by)).toString();
        expect(left).toContain('[redacted]');
        expect(left.replace(/\[redacted\]|\s/g, '').length).toBeLessThan(mostLeft);
      },
    ),
    { numRuns: runs },
  );
}, 300_000);

it('lets everything else through as it is', async () => {
  const marks = fc.array(
    fc.oneof(
      fc.string({ unit: 'binary', maxLength: 20 }),
      fc.constantFrom(
        '%',
        '&#',
        '&#x6',
        '\\u00',
        '=\r\n',
        '=',
        'oauth',
        'oauth:',
        'eyJ',
        '.eyJ',
        '\0',
      ),
    ),
    { maxLength: 60 },
  );
  await fc.assert(
    fc.asyncProperty(
      word(30, 60).map((rest) => `oauth:Q${rest}`),
      marks,
      sizes,
      async (one, parts, by) => {
        const whole = Buffer.from(parts.join(''));
        expect(await clean([one], whole, by)).toEqual(whole);
        const text = parts.join('');
        expect(createConcealer([one]).text(text)).toBe(text);
      },
    ),
    { numRuns: cases(2_000) },
  );
});

it('takes linear time, also for a token that a server chose to repeat itself', async () => {
  const size = 512 * 1024;
  for (const one of ['a'.repeat(65_536), 'ab='.repeat(20_000), '%25'.repeat(10_000)]) {
    for (const content of [one.slice(0, -1), `${one.slice(0, -1)}!`, one.slice(0, 50)]) {
      for (const part of [65_536, 16_384, 4096]) {
        const whole = Buffer.alloc(size, content);
        const startedAt = performance.now();
        await clean([one], whole, [part]);
        expect(performance.now() - startedAt).toBeLessThan(20_000);
      }
    }
  }
}, 200_000);
