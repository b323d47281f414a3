/** Medians and ratios: what a run of measurements comes to. */

/** @param {readonly number[]} values */
export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/**
 * The median of the ratios of what was measured in the same round: the machine's load, which changes
 * from round to round, is in both.
 *
 * @param {readonly number[]} ours
 * @param {readonly number[]} theirs
 */
export function pairedRatio(ours, theirs) {
  return median(ours.map((value, round) => value / theirs[round]));
}

/**
 * Measures each contender once a round, beginning with another one each time.
 *
 * @template {string} Name
 * @param {number} rounds
 * @param {Record<Name, () => Promise<Record<string, number>>>} contenders
 * @returns {Promise<Record<Name, Record<string, number[]>>>} by contender and figure, one value a round
 */
export async function sideBySide(rounds, contenders) {
  const names = Object.keys(contenders);
  const results = Object.fromEntries(names.map((name) => [name, {}]));
  for (let round = 0; round < rounds; round += 1) {
    for (let turn = 0; turn < names.length; turn += 1) {
      const name = names[(round + turn) % names.length];
      for (const [figure, value] of Object.entries(await contenders[name]())) {
        results[name][figure] ??= [];
        results[name][figure].push(value);
      }
    }
  }
  return results;
}
