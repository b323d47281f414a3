/**
 * One text that gives a secret away: the secret itself, its hexadecimal, its base64. Matched from a
 * place in it outwards, each character in any of its spellings.
 */
import {
  afterBreak,
  beforeBreak,
  isAlphanumeric,
  isIntroducer,
  longestSpelling,
  spellingsAt,
  type Units,
} from './spellings.ts';

export interface SecretText {
  readonly bytes: Uint8Array;
  /** The same before it was brought to lower case. */
  readonly original: Uint8Array;
  /** By character, another one that stands for it as well; -1 for none. */
  readonly others: Int16Array;
  /** What counts: the whole, and of a JWT the payload and the signature too. */
  readonly parts: readonly Part[];
  /** The secret itself, whose letters are escaped by some; digits in base 16 and 64 stand as they are. */
  readonly isPlain: boolean;
  readonly isHex: boolean;
  readonly isLower: boolean;
}

export interface Part {
  readonly start: number;
  readonly end: number;
}

/** How far a match reaches: places in the input, and in the text. */
export interface Reach {
  readonly at: number;
  readonly index: number;
}

/** Lines are not wrapped this early; and logs, line by line, would wait for one that ends like a secret's begin. */
const firstBareBreak = 8;
const minPartLength = 16;

/** The texts of one secret. `isLower`: for input in lower case. */
export function secretTexts(secret: Uint8Array, isLower: boolean): SecretText[] {
  const hex = Buffer.from(Buffer.from(secret).toString('hex'));
  const plain = { isPlain: true, isHex: false, isLower };
  const base64 = { isPlain: false, isHex: false, isLower };
  return [
    secretText(secret, plain),
    secretText(hex, { isPlain: false, isHex: true, isLower }),
    ...[0, 1, 2].map((offset) => secretText(Buffer.from(base64Core(secret, offset)), base64)),
  ];
}

type Kind = Pick<SecretText, 'isPlain' | 'isHex' | 'isLower'>;

function secretText(original: Uint8Array, kind: Kind): SecretText {
  const bytes = kind.isLower ? original.map(lowerCase) : original;
  return {
    bytes,
    original,
    others: Int16Array.from(bytes, (byte) => otherOf(byte, kind)),
    parts: kind.isPlain ? partsOf(bytes) : [{ start: 0, end: bytes.length }],
    ...kind,
  };
}

function lowerCase(byte: number): number {
  return byte >= 65 && byte <= 90 ? byte | 0x20 : byte;
}

function otherOf(byte: number, { isPlain, isHex, isLower }: Kind): number {
  const character = String.fromCharCode(byte);
  // base64url (RFC 4648 §5), and forms, where a blank becomes a plus sign.
  if (!isPlain && character === '+') return 45;
  if (!isPlain && character === '/') return 95;
  if (character === ' ') return 43;
  return (isHex || isLower) && /[a-z]/i.test(character) ? byte ^ 0x20 : -1;
}

/** Of a JWT the payload and the signature count each: split at its dots, it is put together again. */
function partsOf(bytes: Uint8Array): Part[] {
  const whole = { start: 0, end: bytes.length };
  const text = Buffer.from(bytes).toString('latin1');
  const [header, payload, signature, ...more] = text.split('.');
  if (payload === undefined || signature === undefined || more.length > 0) return [whole];
  if (!/^eyj/i.test(text)) return [whole];
  const payloadStart = (header?.length ?? 0) + 1;
  const signatureStart = payloadStart + payload.length + 1;
  return [
    whole,
    { start: payloadStart, end: payloadStart + payload.length },
    { start: signatureStart, end: bytes.length },
  ].filter(({ start, end }) => end - start >= minPartLength);
}

/**
 * The part of a longer text's base64 that depends on `bytes` alone, when they begin at `offset` modulo 3
 * (RFC 4648 §4: six bits a character).
 */
function base64Core(bytes: Uint8Array, offset: number): string {
  const whole = Buffer.concat([Buffer.alloc(offset), bytes]).toString('base64');
  const from = Math.ceil((offset * 8) / 6);
  const to = Math.floor(((offset + bytes.length) * 8) / 6);
  return whole.slice(from, to);
}

/** From the text's `index` on, at `at` in the input, as far as they agree. Says in `ranOut` whether the input ended first. */
export function forwards(text: SecretText, units: Units, { at, index }: Reach): Reach {
  let places = [at];
  let reached = index;
  for (; reached < text.bytes.length; reached += 1) {
    const [place = -1] = places;
    // Nearly always there is one way to go on: nothing else begins with a letter or a digit.
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

/** The same towards the beginning: what is before the text's `index`, and ends at `at` in the input. */
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
  return { at: Math.min(...places), index: reached };
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
