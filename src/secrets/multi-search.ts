/**
 * Finds several byte strings (needles) in a single pass that reads one sample of four bytes in every
 * `stride`: a needle that is long enough contains a sample wherever it occurs, and most samples occur in
 * no needle. Unlike algorithms that skip depending on what they read, no step has to wait for the previous
 * one.
 */
import { once } from '../once.ts';

export interface Needles {
  /** The first place at or after `from` where a needle begins. */
  find(input: Uint8Array, from: number): Found | undefined;
}

export interface Found {
  readonly at: number;
  /** The numbers of all needles that begin there. */
  readonly needles: readonly number[];
}

/** A needle that may contain a sample, beginning `offset` bytes before it. */
interface Candidate {
  readonly number: number;
  readonly offset: number;
}

/** Samples are aligned words of this many bytes. */
const wordBytes = 4;
/** The hash table's size in bits: it rules out most samples, and stays in the fastest cache. */
const tableBits = 16;

/** How much input is searched for one needle after the other, until building the tables pays off. */
const bytesWithoutTables = 8192;
/** The minimum cost of one search, expressed in bytes. */
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

/** The hot loop: integers only, so that V8 can optimise it. */
function nextLikely(words: Int32Array, from: number, step: number, table: Int32Array): number {
  const { length } = words;
  let index = from;
  for (; index < length; index += step) {
    const place = placeOf(words[index] as number);
    if (((table[place >>> 5] as number) & (1 << (place & 31))) !== 0) break;
  }
  return index;
}

/** A hash that spreads words which have most of their bits in common, as in text. */
function placeOf(word: number): number {
  return Math.imul(word, 0x9e3779b1) >>> (32 - tableBits);
}

/** Reads words in the machine's byte order, like the Int32Array view of the input. */
function wordReader(): (bytes: Uint8Array, at: number) => number {
  const word = new Int32Array(1);
  const bytesOfWord = new Uint8Array(word.buffer);
  return (bytes, at) => {
    for (let index = 0; index < wordBytes; index += 1) bytesOfWord[index] = bytes[at + index] ?? 0;
    return word[0] as number;
  };
}

/** For needles that are too short to contain an aligned word in every position. */
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

/**
 * The first needle that contains the sample at `sample`. Needles that contain only later samples begin
 * later.
 */
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
