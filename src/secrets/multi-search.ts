/**
 * Finds byte strings in a stream of them, all in one pass: Wu and Manber's algorithm ("A fast algorithm
 * for multi-pattern searching", 1994) with blocks of two bytes. Most of the input is skipped: a dozen
 * forms of a token cost less than one `indexOf` each would.
 */

export interface Needles {
  /** The first place at or after `from` where any begin. */
  find(input: Uint8Array, from: number): Found | undefined;
}

export interface Found {
  readonly at: number;
  /** All that begin there, by their numbers. */
  readonly needles: readonly number[];
}

/** A table that stays in the fastest cache; pairs of ASCII have a place of their own in it. */
const places = 16_384;
const longestShift = 255;

/** `needles` of at least two bytes each. */
export function createNeedles(needles: readonly Uint8Array[]): Needles {
  const window = needles.length === 0 ? 0 : Math.min(...needles.map(({ length }) => length));
  // By pair of bytes at the window's end, how far the window may move without missing a beginning.
  const shifts = new Uint8Array(needles.length === 0 ? 0 : places);
  shifts.fill(Math.min(longestShift, window - 1));
  const endingIn = new Map<number, number[]>();
  for (const [number, needle] of needles.entries()) {
    for (let end = 1; end < window; end += 1) {
      const pair = pairAt(needle, end);
      const shift = window - 1 - end;
      if (shift < (shifts[pair] ?? 0)) shifts[pair] = shift;
      if (shift === 0) endingIn.set(pair, [...(endingIn.get(pair) ?? []), number]);
    }
  }

  return {
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
        const found = (endingIn.get(pair) ?? []).filter((number) =>
          isAt(needles[number], input, at),
        );
        if (found.length > 0) return { at, needles: found };
        end += 1;
      }
      return undefined;
    },
  };
}

function pairAt(bytes: Uint8Array, end: number): number {
  return (((bytes[end - 1] as number) << 7) ^ (bytes[end] as number)) & (places - 1);
}

function isAt(needle: Uint8Array | undefined, input: Uint8Array, at: number): boolean {
  if (needle === undefined || needle.length > input.length - at) return false;
  for (let index = 0; index < needle.length; index += 1) {
    if (needle[index] !== input[at + index]) return false;
  }
  return true;
}
