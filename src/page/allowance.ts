/** What one page may cost and become: a hostile one makes much of a few bytes, or keeps a walk from ending. */

/** The walk over a page took longer than it may. */
export class OutOfTime extends Error {}

/** Shared by all of a page's conversion. Lengths are in UTF-16 units. */
export interface Allowance {
  /** Throws OutOfTime once the time is over; cheap enough to be called for every node. */
  readonly look: () => void;
  /** False when the page's tables have had their cells: a short row is filled up to the longest. */
  readonly takeCells: (count: number) => boolean;
  /** False when what is said again, in each row that a cell spans, would be too long together. */
  readonly takeRepeated: (length: number) => boolean;
  /** False when the addresses would be too long together: `href="a"` begins with all of the page's own. */
  readonly takeAddress: (length: number) => boolean;
  /** Whether cells or addresses were refused. */
  readonly exceeded: () => boolean;
}

const maxCells = 100_000;
const maxRepeatedLength = 200_000;
const maxAddressesLength = 4_000_000;
/** Looks between two readings of the clock. */
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

/** `undefined` when time ran out, or a size that the language allows: whatever the page is, it gets an answer. */
export function unlessTooCostly<T>(make: () => T): T | undefined {
  try {
    return make();
  } catch (error) {
    if (error instanceof OutOfTime || error instanceof RangeError) return undefined;
    throw error;
  }
}
