/**
 * The stretches of a secret's letters and digits that are searched for. Encoders leave those alone, or
 * spell each of them in the same way, so that a few byte strings find all spellings of the whole.
 */
import type { Part, SecretText } from './secret-text.ts';
import { isAlphanumeric, longestSpelling } from './spellings.ts';
import type { Order } from './units.ts';

/** A stretch of a text in one spelling. */
export interface Anchor {
  readonly text: SecretText;
  /** In the text. */
  readonly start: number;
  readonly end: number;
  /** `le` for both orders of UTF-16. */
  readonly order: Exclude<Order, 'be'>;
  /** How long it is in the input, in units. */
  readonly units: number;
}

/** Longer ones do not let the search skip farther. */
const longestStretch = 32;
/** Encoders wrap lines at 64 columns (PEM, RFC 7468 §2) or later. */
const narrowestLine = 64;
/** Shorter ones turn up everywhere: one that is longer is better than two of them. */
const shortestOfTwo = 6;

/**
 * Two stretches of a part, as long as there are, that lie in one line of text: its end can break one of
 * them at most. One where there is no second, and none where there are no two letters together.
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
        const units = order === 'bytes' ? needle.length : end - start;
        const anchor = { text, start, end, order, units };
        anchors.set(needle, [...(anchors.get(needle) ?? []), anchor]);
      }
    }
  }
  return anchors;
}

interface Spelled {
  readonly needle: string;
  readonly order: Anchor['order'];
}

function spelled(text: SecretText, start: number, end: number): Spelled[] {
  const stretch = Buffer.from(text.original.subarray(start, end)).toString('latin1');
  const upper = text.isHex ? [stretch.toUpperCase()] : [];
  const verbatim = [stretch, ...upper].flatMap((one): Spelled[] => [
    { needle: one, order: 'bytes' },
    // In both orders of UTF-16: where it begins, and where it ends, there may be a zero as well.
    { needle: [...one].join('\0'), order: 'le' },
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
