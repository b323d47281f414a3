/**
 * Limits on the time and output of one page's conversion, because a hostile page can expand from a few
 * bytes or make a traversal endless.
 */

/** The traversal of a page took longer than allowed. */
export class OutOfTime extends Error {}

/** Shared by the whole conversion of a page. Lengths are in UTF-16 units. */
export interface Allowance {
  /** Throws OutOfTime once the time is up; cheap enough to be called for every node. */
  readonly look: () => void;
  /** False when the page's tables have used up their cells; short rows are padded to the longest one. */
  readonly takeCells: (count: number) => boolean;
  /** False when the text repeated in every row that a cell spans would become too long in total. */
  readonly takeRepeated: (length: number) => boolean;
  /**
   * False when all addresses together would become too long, since even `href="a"` is written as a
   * complete URL.
   */
  readonly takeAddress: (length: number) => boolean;
  /** Whether cells or addresses were refused. */
  readonly exceeded: () => boolean;
}

const maxCells = 100_000;
const maxRepeatedLength = 200_000;
const maxAddressesLength = 4_000_000;
/** Calls of `look` between two readings of the clock. */
const looksAtOnce = 8;

export function createAllowance(budgetMs: number): Allowance {
  const until = performance.now() + budgetMs;
  const left = { cells: maxCells, repeated: maxRepeatedLength, addresses: maxAddressesLength };
  let looks = 0;
  let exceeded = false;
  return {
    look() {
      looks += 1;
      if (looks % looksAtOnce === 0 && performance.now() > until) throw new OutOfTime();
    },
    takeCells(count) {
      left.cells -= count;
      exceeded ||= left.cells < 0;
      return left.cells >= 0;
    },
    takeRepeated(length) {
      if (length > left.repeated) return false;
      left.repeated -= length;
      return true;
    },
    takeAddress(length) {
      if (length > left.addresses) {
        exceeded = true;
        return false;
      }
      left.addresses -= length;
      return true;
    },
    exceeded: () => exceeded,
  };
}

/**
 * `undefined` when time ran out, or a limit of the language was exceeded, so that every page gets some
 * answer.
 */
export function unlessTooCostly<T>(make: () => T): T | undefined {
  try {
    return make();
  } catch (error) {
    if (error instanceof OutOfTime || error instanceof RangeError) return undefined;
    throw error;
  }
}
