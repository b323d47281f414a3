/**
 * The runs of letters and digits in a secret that are searched for. Encoders either leave these characters
 * unchanged or escape all of them in the same way, so that a few byte strings find every spelling of the
 * secret.
 */
import type { Part, SecretText } from './secret-text.ts';
import { isAlphanumeric, longestSpelling } from './spellings.ts';
import type { Order } from './units.ts';

/** A run of a text in one spelling. */
export interface Anchor {
  readonly text: SecretText;
  /** Index in the text. */
  readonly start: number;
  readonly end: number;
  /** `le` stands for both byte orders of UTF-16. */
  readonly order: Exclude<Order, 'be'>;
  /** Its length in the input, in units. */
  readonly units: number;
}

/** With longer ones the search could not skip any farther. */
const longestStretch = 32;
/** Encoders wrap lines at 64 columns (PEM, RFC 7468 §2) or later. */
const narrowestLine = 64;
/** Shorter runs occur everywhere, so one longer run is better than two of them. */
const shortestOfTwo = 6;

/**
 * The two longest runs of a part that fit in one line of text, whose end can break at most one of them.
 * Only one if there is no second; none if no two letters or digits are adjacent.
 */
export function stretchesOf({ bytes }: SecretText, part: Part): Part[] {
  let longest: Part | undefined;
  for (let length = longestStretch; length >= 2; length -= 1) {
    if (longest && length < shortestOfTwo) break;
    let before: Part | undefined;
    for (const one of stretchesOfLength(length, bytes, part)) {
      longest ??= one;
      if (before && one.end - before.start <= narrowestLine) return [before, one];
      before = one;
    }
  }
  return longest ? [longest] : [];
}

function* stretchesOfLength(length: number, bytes: Uint8Array, { start, end }: Part) {
  let from = start;
  for (let index = start; index < end; index += 1) {
    if (!isAlphanumeric(bytes[index] ?? 0)) from = index + 1;
    else if (index + 1 - from === length) {
      yield { start: from, end: index + 1 };
      from = index + 1;
    }
  }
}

/**
 * The runs that are searched for instead of the whole text. A part that contains other parts needs no runs
 * of its own: whoever finds those parts finds the whole.
 */
function searchedFor(text: SecretText): Part[] {
  const innermost = text.parts.filter((part) => !text.parts.some((one) => isWithin(one, part)));
  const stretches = innermost.flatMap((part) => stretchesOf(text, part));
  return [
    ...new Map(stretches.map((one) => [one.start * text.bytes.length + one.end, one])).values(),
  ];
}

function isWithin(one: Part, other: Part): boolean {
  return one !== other && one.start >= other.start && one.end <= other.end;
}

/** The maximum number of input bytes from a part's beginning to the end of its first two runs. */
export function reachOfStretches(text: SecretText): number {
  const stretches = searchedFor(text);
  return Math.max(
    ...text.parts.map((part) => {
      const [first, second = first] = stretches.filter((one) => isWithin(one, part));
      return mostBytes(text, part.start, second?.end ?? part.end);
    }),
  );
}

function mostBytes({ bytes }: SecretText, start: number, end: number): number {
  let most = 0;
  for (let index = start; index < end; index += 1) {
    most += isAlphanumeric(bytes[index] ?? 0) ? longestLetter : 2 * longestSpelling;
  }
  return most;
}

/** The longest spelling of a letter that is searched for, such as `&#x0041;`. */
const longestLetter = 8;

/** Anchors by the bytes to search for, as Latin-1. */
export function anchorsOf(texts: readonly SecretText[]): Map<string, Anchor[]> {
  const anchors = new Map<string, Anchor[]>();
  for (const text of texts) {
    for (const { start, end } of searchedFor(text)) {
      for (const { needle, order, letters } of spelled(text, start, end)) {
        const units = order === 'bytes' ? needle.length : letters;
        const anchor = { text, start, end: start + letters, order, units };
        const others = anchors.get(needle);
        if (others) others.push(anchor);
        else anchors.set(needle, [anchor]);
      }
    }
  }
  return anchors;
}

interface Spelled {
  readonly needle: string;
  readonly order: Anchor['order'];
  /** How many of the run's letters it spells. */
  readonly letters: number;
}

function spelled(text: SecretText, start: number, end: number): Spelled[] {
  const letters = [...text.original.subarray(start, end)];
  const verbatim = String.fromCharCode(...letters);
  const all: Spelled[] = [];
  const add = (spelled: Spelled) => {
    const needle = text.isLower ? spelled.needle.toLowerCase() : spelled.needle;
    if (all.some((one) => one.needle === needle && one.order === spelled.order)) return;
    all.push({ ...spelled, needle });
  };
  for (const one of text.isHex ? [verbatim, verbatim.toUpperCase()] : [verbatim]) {
    add({ needle: one, order: 'bytes', letters: letters.length });
    // Finds both byte orders of UTF-16: there may be another zero before it or after it.
    const wide = one.slice(0, (longestStretch >> 1) + 1);
    add({ needle: wide.split('').join('\0'), order: 'le', letters: wide.length });
  }
  if (text.isPlain) for (const spell of letterSpellings) add(escaped(letters, spell));
  return all;
}

/** Uses only as many letters as make the byte string as long as the others. */
function escaped(letters: readonly number[], spell: (code: number) => string): Spelled {
  let needle = '';
  let count = 0;
  for (; count < letters.length && needle.length < longestStretch; count += 1) {
    needle += spell(letters[count] as number);
  }
  return { needle, order: 'bytes', letters: count };
}

const hex = (code: number): string => code.toString(16);
const upperHex = (code: number): string => hex(code).toUpperCase();

/** If letters and digits are escaped at all, they are all escaped in the same way. */
const letterSpellings: readonly ((code: number) => string)[] = [
  ...[hex, upperHex].flatMap((digits) => [
    (code: number) => `%${digits(code)}`,
    (code: number) => `=${digits(code)}`,
    (code: number) => `\\x${digits(code)}`,
    (code: number) => `\\u00${digits(code)}`,
    (code: number) => `&#x${digits(code)};`,
  ]),
  (code) => `&#${code};`,
];
