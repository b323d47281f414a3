/**
 * Finds byte strings in a stream of them, all in one pass that looks at one sample of four bytes in
 * every `stride`: whatever is long enough covers a sample wherever it stands, and most samples are in
 * no needle. Unlike a search that skips by what it reads, no step waits for the one before.
 */
import { once } from '../once.ts';

export interface Needles {
  /** The first place at or after `from` where any begin. */
  find(input: Uint8Array, from: number): Found | undefined;
}

export interface Found {
  readonly at: number;
  /** All that begin there, by their numbers. */
  readonly needles: readonly number[];
}

/** A needle around a sample: it begins `offset` bytes before. */
interface Candidate {
  readonly number: number;
  readonly offset: number;
}

/** Samples are read as words of this many bytes, at aligned places. */
const wordBytes = 4;
/** Bits that tell most samples from those in needles, in a table that stays in the fastest cache. */
const tableBits = 16;

/** What is looked through one needle after the other before that has cost more than the tables do. */
const bytesWithoutTables = 8192;
/** What a search costs at the least, in bytes looked through. */
const leastBytes = 256;

/** `needles` of at least two bytes each. */
export function createNeedles(needles: readonly Uint8Array[]): Needles {
  if (needles.length === 0) return { find: () => undefined };
  let left = bytesWithoutTables;
  const inOnePass = once(() => searchInOnePass(needles));
  return {
    find(input, from) {
      left -= left > 0 ? Math.max(leastBytes, input.length - from) : 0;
      return left > 0 ? searchOneByOne(needles, input, from) : inOnePass().find(input, from);
    },
  };
}

function searchInOnePass(needles: readonly Uint8Array[]): Needles {
  const shortest = Math.min(...needles.map(({ length }) => length));
  const stride = shortest - wordBytes + 1;
  return stride < wordBytes
    ? searchByPair(needles, shortest - 1)
    : searchByWord(needles, stride - (stride % wordBytes));
}

function searchOneByOne(
  needles: readonly Uint8Array[],
  input: Uint8Array,
  from: number,
): Found | undefined {
  const bytes = Buffer.from(input.buffer, input.byteOffset, input.byteLength);
  let first = input.length;
  let found: number[] = [];
  for (const [number, needle] of needles.entries()) {
    const at = bytes.indexOf(needle, from);
    if (at < 0 || at > first) continue;
    if (at < first) found = [];
    first = at;
    found.push(number);
  }
  return found.length > 0 ? { at: first, needles: found } : undefined;
}

function searchByWord(needles: readonly Uint8Array[], stride: number): Needles {
  const candidates = candidatesBy(wordReader(), needles, stride);
  const table = new Int32Array(1 << (tableBits - 5));
  for (const word of candidates.keys()) {
    const place = placeOf(word);
    table[place >>> 5] = (table[place >>> 5] as number) | (1 << (place & 31));
  }
  const step = stride / wordBytes;

  return {
    find(input, from) {
      const base = -input.byteOffset & (wordBytes - 1);
      const length = (input.length - base) >> 2;
      if (length <= 0) return undefined;
      const words = new Int32Array(input.buffer, input.byteOffset + base, length);
      let index = Math.ceil(Math.max(0, from - base) / stride) * step;
      for (;;) {
        index = nextLikely(words, index | 0, step | 0, table);
        const around = candidates.get(words[index] ?? 0);
        if (index >= length) return undefined;
        const found = around && firstOf(around, needles, input, base + index * wordBytes, from);
        if (found) return found;
        index += step;
      }
    },
  };
}

/** Where all the time goes: a loop of whole numbers, with nothing in it that V8 could not know. */
function nextLikely(words: Int32Array, from: number, step: number, table: Int32Array): number {
  const { length } = words;
  let index = from;
  for (; index < length; index += step) {
    const place = placeOf(words[index] as number);
    if (((table[place >>> 5] as number) & (1 << (place & 31))) !== 0) break;
  }
  return index;
}

/** Spreads words that have most of their bits in common, as those of text have. */
function placeOf(word: number): number {
  return Math.imul(word, 0x9e3779b1) >>> (32 - tableBits);
}

/** In the byte order of the machine, in which a view of the input reads them as well. */
function wordReader(): (bytes: Uint8Array, at: number) => number {
  const word = new Int32Array(1);
  const bytesOfWord = new Uint8Array(word.buffer);
  return (bytes, at) => {
    for (let index = 0; index < wordBytes; index += 1) bytesOfWord[index] = bytes[at + index] ?? 0;
    return word[0] as number;
  };
}

/** For needles too short to cover a word for certain. */
function searchByPair(needles: readonly Uint8Array[], stride: number): Needles {
  const candidates = candidatesBy(pairAt, needles, stride);
  const table = new Uint8Array(1 << 16);
  for (const pair of candidates.keys()) table[pair] = 1;

  return {
    find(input, from) {
      for (let at = Math.ceil(from / stride) * stride; at + 1 < input.length; at += stride) {
        const pair = pairAt(input, at);
        if (table[pair] === 0) continue;
        const found = firstOf(candidates.get(pair) ?? [], needles, input, at, from);
        if (found) return found;
      }
      return undefined;
    },
  };
}

function pairAt(bytes: Uint8Array, at: number): number {
  return ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
}

/**
 * By what a sample reads: the needles that it may lie in, no more than a stride from their beginning;
 * those first that begin first.
 */
function candidatesBy(
  read: (bytes: Uint8Array, at: number) => number,
  needles: readonly Uint8Array[],
  stride: number,
): Map<number, Candidate[]> {
  const candidates = new Map<number, Candidate[]>();
  for (let offset = stride - 1; offset >= 0; offset -= 1) {
    for (const [number, needle] of needles.entries()) {
      const sample = read(needle, offset);
      const others = candidates.get(sample);
      if (others) others.push({ number, offset });
      else candidates.set(sample, [{ number, offset }]);
    }
  }
  return candidates;
}

/** What begins first around the sample at `sample`; all around the next one begin after this one. */
function firstOf(
  candidates: readonly Candidate[],
  needles: readonly Uint8Array[],
  input: Uint8Array,
  sample: number,
  from: number,
): Found | undefined {
  let first = -1;
  const found: number[] = [];
  for (const { number, offset } of candidates) {
    const at = sample - offset;
    if (at < from) continue;
    if (found.length > 0 && at > first) break;
    if (!isAt(needles[number], input, at)) continue;
    first = at;
    found.push(number);
  }
  return found.length > 0 ? { at: first, needles: found } : undefined;
}

function isAt(needle: Uint8Array | undefined, input: Uint8Array, at: number): boolean {
  if (needle === undefined || needle.length > input.length - at) return false;
  for (let index = 0; index < needle.length; index += 1) {
    if (needle[index] !== input[at + index]) return false;
  }
  return true;
}
