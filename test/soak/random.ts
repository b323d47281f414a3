/** Chance that can be repeated: `SOAK_SEED` sets the course of a soak. */

export const seed = Number(process.env.SOAK_SEED ?? Date.now() % 1_000_000);

/** Mulberry32: the same course for the same seed. */
export function createRandom(start: number = seed): () => number {
  let state = start >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
