/** Takes what a search has found out of its input. */
import type { Cut, Found } from './secret-search.ts';

/** What stands in the place of a secret: a mark, or as many asterisks as it had bytes. */
export type Replacement = 'marked' | 'covered';

export const mark = '[redacted]';

/** What two searches of one input have found, as one of them would have. */
export function merged(one: Found, other: Found): Found {
  const open = Math.min(one.open, other.open);
  if (one.cuts.length === 0 && other.cuts.length === 0) return { cuts: one.cuts, open };
  const cuts: Cut[] = [];
  for (const next of [...one.cuts, ...other.cuts].sort((a, b) => a.from - b.from)) {
    const last = cuts.at(-1);
    if (last && next.from < last.to) {
      cuts[cuts.length - 1] = { from: last.from, to: Math.max(last.to, next.to) };
    } else cuts.push(next);
  }
  // A match is removed even if another one may begin within it.
  const across = cuts.find(({ from, to }) => from < open && open < to);
  const decided = across ? across.to : open;
  return { cuts: cuts.filter(({ from }) => from < decided), open: decided };
}

/** `input` without the matches, and the rest that must be examined again with more input. */
export function cut(
  input: Buffer,
  { cuts, open }: Found,
  how: Replacement = 'marked',
): { done: Buffer; rest: Buffer } {
  const rest = input.subarray(open);
  if (cuts.length === 0) return { done: input.subarray(0, open), rest };
  const kept = without(cuts, open, (from, to) => input.subarray(from, to));
  const inPlace = ({ from, to }: Cut) =>
    how === 'covered' ? Buffer.alloc(to - from, '*') : Buffer.from(mark);
  const done = kept.flatMap((part, at) => {
    const before = cuts[at - 1];
    return before ? [inPlace(before), part] : [part];
  });
  return { done: Buffer.concat(done), rest };
}

/** The parts between the cuts, one more than there are cuts. */
export function without<T>(
  cuts: readonly Cut[],
  length: number,
  slice: (from: number, to: number) => T,
): T[] {
  const ends = [...cuts.map(({ from }) => from), length];
  return ends.map((end, at) => slice(cuts[at - 1]?.to ?? 0, end));
}
