/**
 * How encoders spell a character: percent-encoding (RFC 3986 §2.1, nested too), character references (HTML
 * §13.5), backslash escapes (JSON, JavaScript, C), quoted-printable (RFC 2045 §6.7). Read at one place and
 * for one wanted character, so that nothing is decoded in vain.
 */
import { referenceNames } from './reference-names.ts';
import type { Units } from './units.ts';

/** The longest spelling, in units, including a soft line break before it. */
export const longestSpelling = 36;

const code = (character: string): number => character.charCodeAt(0);
const [percent, ampersand, backslash, equals] = ['%', '&', '\\', '='].map(code) as [
  number,
  number,
  number,
  number,
];
const space = 32;

/** The characters with which all spellings begin, except the plain character. */
export const introducers: readonly number[] = [percent, ampersand, backslash, equals];

export function isIntroducer(unit: number): boolean {
  return unit === percent || unit === ampersand || unit === backslash || unit === equals;
}

/** The lengths of the spellings at `at` that mean `wanted` or `other`, without the plain character. */
export function spellingsAt(units: Units, at: number, wanted: number, other: number): number[] {
  const lengths: number[] = [];
  const found = (meant: number, end: number): void => {
    if (meant >= 0 && (meant === wanted || meant === other)) lengths.push(end - at);
  };
  switch (units.at(at)) {
    case percent:
      readPercent(units, at + 1, found);
      break;
    case ampersand:
      readReference(units, at + 1, found, wanted, other);
      break;
    case backslash:
      readBackslash(units, at + 1, found);
      break;
    case equals:
      found(readHex(units, at + 1, 2), at + 3);
      break;
  }
  return lengths;
}

type Found = (meant: number, end: number) => void;

function readPercent(units: Units, from: number, found: Found): void {
  if ((units.at(from) | 0x20) === code('u')) found(readHex(units, from + 1, 4), from + 5);
  // %3D, or %253D if it was encoded twice.
  for (let at = from; at <= from + 6; at += 2) {
    const meant = readHex(units, at, 2);
    found(meant, at + 2);
    if (meant !== percent) return;
  }
}

const maxDigits = 8;

function readReference(
  units: Units,
  from: number,
  found: Found,
  wanted: number,
  other: number,
): void {
  let at = from;
  const reference: Found = (meant, end) => {
    found(meant, end);
    if (units.at(end) === code(';')) found(meant, end + 1);
  };
  // &#61;, or &amp;#61; if it was encoded twice.
  for (let level = 0; level < 4; level += 1) {
    if (units.at(at) === code('#')) {
      const isHex = (units.at(at + 1) | 0x20) === code('x');
      const first = at + (isHex ? 2 : 1);
      let meant = 0;
      for (let digits = 0; digits < maxDigits; digits += 1) {
        const digit = digitOf(units.at(first + digits), isHex ? 16 : 10);
        if (digit < 0) break;
        meant = meant * (isHex ? 16 : 10) + digit;
        reference(meant, first + digits + 1);
      }
      return;
    }
    for (const one of [wanted, other]) {
      for (const name of referenceNames.get(one) ?? []) {
        if (reads(units, at, name)) reference(one, at + name.length);
      }
    }
    if (!reads(units, at, 'amp;')) return;
    at += 4;
  }
}

const maxBackslashes = 8;

function readBackslash(units: Units, from: number, found: Found): void {
  // \u003d, or \\u003d if it was encoded twice.
  for (let at = from; at < from + maxBackslashes; at += 1) {
    const unit = units.at(at);
    if (unit === code('u')) {
      found(readHex(units, at + 1, 4), at + 5);
      if (units.at(at + 1) === code('{')) readBraces(units, at + 2, found);
    } else if (unit === code('x')) found(readHex(units, at + 1, 2), at + 3);
    else if (digitOf(unit, 8) >= 0) {
      const digits = [0, 1, 2].map((each) => digitOf(units.at(at + each), 8));
      if (!digits.includes(-1)) {
        found(
          digits.reduce((sum, digit) => sum * 8 + digit, 0),
          at + 3,
        );
      }
    } else if (unit > space && !isAlphanumeric(unit)) found(unit, at + 1);
    if (unit !== backslash) return;
  }
}

function readBraces(units: Units, from: number, found: Found): void {
  let meant = 0;
  for (let at = from; at < from + 6; at += 1) {
    const digit = digitOf(units.at(at), 16);
    if (digit < 0) return;
    meant = meant * 16 + digit;
    if (units.at(at + 1) === code('}')) found(meant, at + 2);
  }
}

function readHex(units: Units, from: number, digits: number): number {
  let meant = 0;
  for (let at = from; at < from + digits; at += 1) {
    const digit = digitOf(units.at(at), 16);
    if (digit < 0) return -1;
    meant = meant * 16 + digit;
  }
  return meant;
}

function digitOf(unit: number, base: number): number {
  const value =
    unit >= 48 && unit <= 57 ? unit - 48 : unit >= 65 && unit <= 102 ? (unit | 0x20) - 87 : -1;
  return value >= 0 && value < base && !(unit > 70 && unit < 97) ? value : -1;
}

function reads(units: Units, from: number, text: string): boolean {
  for (let index = 0; index < text.length; index += 1) {
    if (units.at(from + index) !== text.charCodeAt(index)) return false;
  }
  return true;
}

export function isAlphanumeric(unit: number): boolean {
  return (unit >= 48 && unit <= 57) || (unit >= 65 && unit <= 90) || (unit >= 97 && unit <= 122);
}

/** The bytes that may follow `introducer` in a spelling of `meant`. */
export function secondBytes(introducer: number, meant: number): number[] {
  const highDigit = (meant >> 4).toString(16);
  const seconds: Readonly<Record<number, string>> = {
    [percent]: `2uU${highDigit}${highDigit.toUpperCase()}`,
    [ampersand]: `#a${(referenceNames.get(meant) ?? []).map((name) => name.charAt(0)).join('')}`,
    [backslash]: `ux\\${meant >> 6}${isAlphanumeric(meant) ? '' : String.fromCharCode(meant)}`,
    [equals]: `${highDigit}${highDigit.toUpperCase()}\r\n`,
  };
  return [...(seconds[introducer] ?? '')].map(code);
}
