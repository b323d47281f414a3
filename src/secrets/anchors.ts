/**
 * The stretches of a secret's letters and digits that are searched for. Encoders leave those alone, or
 * spell each of them in the same way, so that a few byte strings find all spellings of the whole.
 */
import type { Part, SecretText } from './secret-text.ts';
import { isAlphanumeric, longestSpelling, type Order } from './spellings.ts';

/** A stretch of a text in one spelling. */
export interface Anchor {
  readonly text: SecretText;
  /** In the text. */
  readonly start: number;
  readonly end: number;
  readonly order: Order;
  /** How long it is in the input, in units. */
  readonly units: number;
}

/** Longer ones are broken by line ends more often, and the search skips far enough. */
const longestStretch = 32;

/**
 * Of each part of a text the first long stretch, and of the secret itself another one, for where that is
 * broken. Short ones keep the search from skipping far.
 */
export function stretchesOf({ bytes, isPlain }: SecretText, { start, end }: Part): Part[] {
  const stretches: Part[] = [];
  let from = start;
  for (let index = start; index <= end; index += 1) {
    const goesOn = index < end && isAlphanumeric(bytes[index] ?? 0);
    if (goesOn && index - from < longestStretch) continue;
    if (index - from >= 2) stretches.push({ start: from, end: index });
    from = goesOn ? index : index + 1;
  }
  const longest = Math.max(...stretches.map(lengthOf));
  const long = stretches.filter((one) => lengthOf(one) >= longest * 0.75);
  return long.slice(0, isPlain ? 2 : 1);
}

function lengthOf({ start, end }: Part): number {
  return end - start;
}

/** The most bytes of input within which a part's first two stretches end, once it has begun. */
export function reachOfStretches(text: SecretText, part: Part): number {
  const [first, second = first] = stretchesOf(text, part);
  let bytes = 0;
  for (let index = part.start; index < (second?.end ?? part.end); index += 1) {
    bytes += isAlphanumeric(text.bytes[index] ?? 0) ? longestLetter : 2 * longestSpelling;
  }
  return bytes;
}

/** Of a letter in a spelling that is searched for: `&#x0041;` and the like. */
const longestLetter = 8;

/** Anchors by the bytes to search for, as Latin-1. */
export function anchorsOf(texts: readonly SecretText[]): Map<string, Anchor[]> {
  const anchors = new Map<string, Anchor[]>();
  for (const text of texts) {
    const stretches = text.parts.flatMap((part) => stretchesOf(text, part));
    const unique = new Map(stretches.map((one) => [`${one.start} ${one.end}`, one]));
    for (const { start, end } of unique.values()) {
      for (const { needle, order } of spelled(text, start, end)) {
        const units = order === 'bytes' ? needle.length : needle.length / 2;
        const anchor = { text, start, end, order, units };
        anchors.set(needle, [...(anchors.get(needle) ?? []), anchor]);
      }
    }
  }
  return anchors;
}

interface Spelled {
  readonly needle: string;
  readonly order: Order;
}

function spelled(text: SecretText, start: number, end: number): Spelled[] {
  const stretch = Buffer.from(text.original.subarray(start, end)).toString('latin1');
  const upper = text.isHex ? [stretch.toUpperCase()] : [];
  const verbatim = [stretch, ...upper].flatMap((one): Spelled[] => [
    { needle: one, order: 'bytes' },
    { needle: one.replace(/./g, '$&\0'), order: 'le' },
    { needle: one.replace(/./g, '\0$&'), order: 'be' },
  ]);
  const escaped = text.isPlain
    ? letterSpellings.map((spell): Spelled => {
        const needle = [...stretch].map((letter) => spell(letter.charCodeAt(0))).join('');
        return { needle, order: 'bytes' };
      })
    : [];
  const all = [...verbatim, ...escaped];
  const folded = text.isLower
    ? all.map(({ needle, order }) => ({ needle: needle.toLowerCase(), order }))
    : all;
  return [...new Map(folded.map((one) => [`${one.order} ${one.needle}`, one])).values()];
}

const hex = (code: number): string => code.toString(16);
const upperHex = (code: number): string => hex(code).toUpperCase();

/** Letters and digits are escaped all alike where they are escaped at all. */
const letterSpellings: readonly ((code: number) => string)[] = [hex, upperHex].flatMap((digits) => [
  (code) => `%${digits(code)}`,
  (code) => `=${digits(code)}`,
  (code) => `\\x${digits(code)}`,
  (code) => `\\u00${digits(code)}`,
  (code) => `&#x${digits(code)};`,
  (code) => `&#${code};`,
]);
