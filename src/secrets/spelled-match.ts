/**
 * How far the input matches a secret's text in both directions from a given place: each character in any
 * of its spellings, across line breaks that encoders insert.
 */
import type { SecretText } from './secret-text.ts';
import { isAlphanumeric, isIntroducer, longestSpelling, spellingsAt } from './spellings.ts';
import type { Units } from './units.ts';

/** How far a match extends: a place in the input, and the index in the text. */
export interface Reach {
  readonly at: number;
  readonly index: number;
}

/**
 * Line breaks before this index are not followed: otherwise a log would be held back after every line that
 * ends like the beginning of a secret.
 */
const firstBareBreak = 3;
const [tab, lineFeed, carriageReturn, space, equals] = [9, 10, 13, 32, 61];

/**
 * Matches forwards from the text's `index`, at `at` in the input. `units.ranOut` tells whether the input
 * ended first.
 */
export function forwards(text: SecretText, units: Units, { at, index }: Reach): Reach {
  let places = [at];
  let reached = index;
  for (; reached < text.bytes.length; reached += 1) {
    const [place = -1] = places;
    // The common case, with only one continuation: no escape begins with a letter or a digit.
    if (
      places.length === 1 &&
      isAlphanumeric(units.at(place)) &&
      agrees(text, reached, units.at(place))
    ) {
      places = [place + 1];
      continue;
    }
    const next = stepForwards(text, units, places, reached, reached > 0);
    if (next.length === 0) break;
    places = next;
  }
  return { at: Math.max(...places), index: reached };
}

function agrees({ bytes, others }: SecretText, index: number, unit: number): boolean {
  return unit === bytes[index] || unit === others[index];
}

function stepForwards(
  { bytes, others }: SecretText,
  units: Units,
  places: readonly number[],
  index: number,
  mayBreak: boolean,
): number[] {
  const wanted = bytes[index] ?? -1;
  const other = others[index] ?? -1;
  const next: number[] = [];
  const add = (place: number) => {
    if (!next.includes(place)) next.push(place);
  };
  for (const place of places) {
    const broken = mayBreak ? afterBreak(units, place, index >= firstBareBreak) : -1;
    for (const from of broken < 0 ? [place] : [place, broken]) {
      const unit = units.at(from);
      if (unit >= 0 && (unit === wanted || unit === other)) add(from + 1);
      if (!isIntroducer(unit)) continue;
      for (const length of spellingsAt(units, from, wanted, other)) add(from + length);
    }
  }
  return next;
}

/** Matches backwards: what precedes the text's `index` and ends at `at` in the input. */
export function backwards(text: SecretText, units: Units, { at, index }: Reach): Reach {
  const { ranOut } = units;
  let places = [at];
  let reached = index;
  for (; reached > 0; reached -= 1) {
    const next = stepBackwards(text, units, places, reached);
    if (next.length === 0) break;
    places = next;
  }
  units.ranOut = ranOut;
  const from = Math.min(...places);
  // The few characters that may be on the previous line reveal nothing and are not waited for.
  const isWrapped = reached < firstBareBreak && beforeBreak(units, from, true).length > 0;
  return { at: from, index: isWrapped ? 0 : reached };
}

function stepBackwards(
  { bytes, others }: SecretText,
  units: Units,
  places: readonly number[],
  index: number,
): number[] {
  const wanted = bytes[index - 1] ?? -1;
  const other = others[index - 1] ?? -1;
  const next: number[] = [];
  const add = (place: number) => {
    if (!next.includes(place)) next.push(place);
  };
  for (const place of places) {
    for (const end of [place, ...beforeBreak(units, place, index >= firstBareBreak)]) {
      const unit = units.at(end - 1);
      if (unit >= 0 && (unit === wanted || unit === other)) add(end - 1);
      for (let length = 2; length <= longestSpelling; length += 1) {
        const from = end - length;
        if (from < 0) break;
        if (!isIntroducer(units.at(from))) continue;
        if (spellingsAt(units, from, wanted, other).includes(length)) add(from);
      }
    }
  }
  return next;
}

/** Where the text continues after a line break at `at` that an encoder inserted; -1 if there is none. */
function afterBreak(units: Units, at: number, bare: boolean): number {
  const soft = units.at(at) === equals;
  if (!soft && !bare) return -1;
  let next = soft ? at + 1 : at;
  if (units.at(next) === carriageReturn) next += 1;
  if (units.at(next) !== lineFeed) return -1;
  next += 1;
  for (let blanks = 0; !soft && blanks < 8 && isBlank(units.at(next)); blanks += 1) next += 1;
  return next;
}

/** The reverse: where the text may have ended before a line break that ends at `at`. */
function beforeBreak(units: Units, at: number, bare: boolean): number[] {
  let end = at;
  for (let blanks = 0; blanks < 8 && isBlank(units.at(end - 1)); blanks += 1) end -= 1;
  if (units.at(end - 1) !== lineFeed) return [];
  end -= units.at(end - 2) === carriageReturn ? 2 : 1;
  return [...(bare ? [end] : []), ...(units.at(end - 1) === equals ? [end - 1] : [])];
}

function isBlank(unit: number): boolean {
  return unit === space || unit === tab;
}
