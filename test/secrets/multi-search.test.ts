/** Every place where a needle begins is found, in order, whatever way is searched. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createNeedles } from '../../src/secrets/multi-search.ts';

type Places = [at: number, needles: number[]][];

function searched(needles: readonly Buffer[], input: Buffer): Places {
  const search = createNeedles(needles);
  // The first searches go needle by needle; what is asked for below is the search in one pass.
  search.find(Buffer.alloc(10_000), 0);
  return placesBy((from) => search.find(input, from));
}

function searchedAtFirst(needles: readonly Buffer[], input: Buffer): Places {
  return placesBy((from) => createNeedles(needles).find(input, from));
}

function placesBy(
  find: (from: number) => { at: number; needles: readonly number[] } | undefined,
): Places {
  const places: Places = [];
  for (let found = find(0); found; found = find(found.at + 1)) {
    places.push([found.at, [...found.needles].sort((a, b) => a - b)]);
  }
  return places;
}

function everywhere(needles: readonly Buffer[], input: Buffer): Places {
  return [...input.keys()].flatMap((at): Places => {
    const here = [...needles.keys()].filter((number) =>
      needles[number]?.equals(input.subarray(at, at + (needles[number]?.length ?? 0))),
    );
    return here.length > 0 ? [[at, here]] : [];
  });
}

// Two letters, so that needles overlap, lie in one another and nearly match all the time.
const text = (minLength: number, maxLength: number) =>
  fc
    .array(fc.constantFrom(97, 98), { minLength, maxLength })
    .map((letters) => Buffer.from(letters));

test.each([2, 3, 6, 7, 8, 11, 32])('of needles of %i bytes or more', (shortest) => {
  fc.assert(
    fc.property(
      fc.array(text(shortest, shortest + 9), { minLength: 1, maxLength: 5 }),
      fc.array(fc.oneof(text(0, 40), fc.nat({ max: 4 })), { maxLength: 12 }),
      fc.nat({ max: 7 }),
      (needles, parts, offset) => {
        const whole = Buffer.concat([
          // Words are aligned in memory, not in the input.
          Buffer.alloc(offset),
          ...parts.map((part) =>
            typeof part === 'number' ? (needles[part % needles.length] as Buffer) : part,
          ),
        ]);
        const input = whole.subarray(offset);
        expect(searched(needles, input)).toEqual(everywhere(needles, input));
        expect(searchedAtFirst(needles, input)).toEqual(everywhere(needles, input));
      },
    ),
    { numRuns: 500 },
  );
});

test('of none', () => {
  expect(createNeedles([]).find(Buffer.from('anything'), 0)).toBeUndefined();
});
