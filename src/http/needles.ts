/**
 * Finds byte strings in a stream of them, all in one pass: Wu and Manber's algorithm ("A fast algorithm
 * for multi-pattern searching", 1994) with blocks of two bytes. Most of the input is skipped: a dozen
 * forms of a token cost less than one `indexOf` each would.
 */

export interface Needles {
  readonly count: number;
  /** The length of the longest in bytes. */
  readonly longest: number;
  /** The first to begin at or after `from`; among those that begin together the longest. */
  find(input: Uint8Array, from: number): Found | undefined;
  /** Where the earliest needle begins that `input` ends in the middle of; its length for none. */
  unfinished(input: Uint8Array): number;
}

export interface Found {
  readonly at: number;
  readonly length: number;
}

const pairs = 65_536;
const longestShift = 255;

/** `needles` of at least two bytes each. */
export function createNeedles(needles: readonly Uint8Array[]): Needles {
  const byLength = [...needles].sort((a, b) => b.length - a.length);
  const longest = byLength[0]?.length ?? 0;
  const window = byLength.at(-1)?.length ?? 0;
  // By pair of bytes at the window's end, how far the window may move without missing a beginning.
  const shifts = new Uint8Array(needles.length === 0 ? 0 : pairs);
  shifts.fill(Math.min(longestShift, window - 1));
  const endingIn = new Map<number, Uint8Array[]>();
  const isFirst = new Uint8Array(256);
  for (const needle of byLength) {
    isFirst[needle[0] ?? 0] = 1;
    for (let end = 1; end < window; end += 1) {
      const pair = pairAt(needle, end);
      const shift = window - 1 - end;
      if (shift < (shifts[pair] ?? 0)) shifts[pair] = shift;
      if (shift === 0) endingIn.set(pair, [...(endingIn.get(pair) ?? []), needle]);
    }
  }

  return {
    count: needles.length,
    longest,
    find(input, from) {
      if (window === 0) return undefined;
      let end = from + window - 1;
      while (end < input.length) {
        const pair = pairAt(input, end);
        const shift = shifts[pair] ?? 0;
        if (shift > 0) {
          end += shift;
          continue;
        }
        const at = end - window + 1;
        for (const needle of endingIn.get(pair) ?? []) {
          if (isAt(needle, input, at)) return { at, length: needle.length };
        }
        end += 1;
      }
      return undefined;
    },
    unfinished(input) {
      for (let at = Math.max(0, input.length - longest + 1); at < input.length; at += 1) {
        if (isFirst[input[at] ?? 0] === 0) continue;
        const left = input.length - at;
        for (const needle of byLength) {
          if (needle.length > left && isAt(needle.subarray(0, left), input, at)) return at;
        }
      }
      return input.length;
    },
  };
}

function pairAt(bytes: Uint8Array, end: number): number {
  return ((bytes[end - 1] ?? 0) << 8) | (bytes[end] ?? 0);
}

function isAt(needle: Uint8Array, input: Uint8Array, at: number): boolean {
  if (needle.length > input.length - at) return false;
  for (let index = 0; index < needle.length; index += 1) {
    if (needle[index] !== input[at + index]) return false;
  }
  return true;
}
