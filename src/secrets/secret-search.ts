/**
 * Finds secrets in bytes, in any spelling. First it searches for runs of their letters and digits, which
 * is cheap; only around such a run is the input read character by character.
 */

import { once } from '../once.ts';
import { type Anchor, anchorsOf, reachOfStretches, stretchesOf } from './anchors.ts';
import { beginningsOf, type Start } from './beginnings.ts';
import { createNeedles } from './multi-search.ts';
import type { SecretText } from './secret-text.ts';
import { backwards, forwards } from './spelled-match.ts';
import { type Order, Units } from './units.ts';

export interface Cut {
  readonly from: number;
  readonly to: number;
}

export interface Found {
  readonly cuts: readonly Cut[];
  /** Where a secret may begin that more input could complete; the input's length if there is none. */
  readonly open: number;
}

export type Search = (input: Uint8Array, isLast: boolean) => Found;

/** What has matched so far: an anchor, or nothing yet at a text's beginning. */
interface Place extends Omit<Anchor, 'order'> {
  readonly order: Order;
}

/**
 * A repetitive secret could cause the same input to be read again and again. Once this much has been read,
 * every partial match is removed without reading on, so that the time stays linear whatever token a server
 * chooses.
 */
const readPerByte = 2;
const readFreely = 20_000;

export function createSearch(texts: readonly SecretText[]): Search {
  const anchors = [...anchorsOf(texts)];
  const needles = createNeedles(anchors.map(([needle]) => Buffer.from(needle, 'latin1')));
  const starts = texts.flatMap((text) => text.parts.map((part) => ({ text, part })));
  // Made when needed: complete input needs neither.
  const mayBegin = once(() => beginningsOf(starts));
  const tail = once(() => Math.max(0, ...texts.map(reachOfStretches)));
  // Parts without a run are tried at every place.
  const bare = starts.filter(({ text, part }) => stretchesOf(text, part).length === 0);
  const bareMayBegin = once(() => beginningsOf(bare));

  return (input, isLast) => {
    const cuts: Cut[] = [];
    let open = input.length;
    let read = 0;

    /**
     * Reads in both directions from an anchor's place. Returns the end of what is to be removed; 0 for
     * none.
     */
    const readAround = ({ text, start, end, order, units: length }: Place, at: number) => {
      const units = new Units(input, order, at);
      const index = units.indexOf(at);
      const back = backwards(text, units, { at: index, index: start });
      const reach = forwards(text, units, { at: index + length, index: end });
      read += reach.index - back.index;
      const begun = text.parts.filter((part) => back.index <= part.start && end <= part.end);
      const [from, to] = [units.byteOf(back.at), units.byteOf(reach.at)];
      const isOpenEnded = units.ranOut && !isLast && begun.length > 0;
      if (isOpenEnded) open = Math.min(open, from);
      const isWhole = text.parts.some(
        (part) => back.index <= part.start && part.end <= reach.index,
      );
      const isReadEnough = read > readFreely + readPerByte * input.length;
      // A cut of what is open only ends the reading: the rest is searched again with more input.
      if (isReadEnough || (isWhole && !isOpenEnded)) {
        cuts.push({ from, to });
        return to;
      }
      return 0;
    };

    // Continues to the end, since a later match may begin before the place that is still open.
    for (let at = 0; ; ) {
      const found = needles.find(input, at);
      if (!found) break;
      at = found.at + 1;
      for (const number of found.needles) {
        for (const anchor of anchors[number]?.[1] ?? []) {
          // In big-endian order, the first character is preceded by its zero byte.
          if (anchor.order === 'le' && found.at > 0) {
            at = Math.max(at, readAround({ ...anchor, order: 'be' }, found.at - 1));
          }
          at = Math.max(at, readAround(anchor, found.at));
        }
      }
    }
    if (bare.length > 0) {
      const startsAt = bareMayBegin();
      for (let at = 0; at < open; at += 1) {
        for (const { text, part, order } of startsAt(input, at)) {
          readAround({ text, start: part.start, end: part.start, order, units: 0 }, at);
        }
      }
    }
    if (isLast) return { cuts, open };
    const done = Math.max(0, ...cuts.filter(({ from }) => from < open).map(({ to }) => to));
    const startsAt = mayBegin();
    for (let at = Math.max(done, input.length - tail()); at < open; at += 1) {
      for (const start of startsAt(input, at)) if (isOpen(start, input, at)) open = at;
    }
    return { cuts, open };
  };
}

/** Whether it may begin at `at` and continue beyond the end of `input`. */
function isOpen({ text, part, order }: Start, input: Uint8Array, at: number): boolean {
  const units = new Units(input, order, at);
  forwards(text, units, { at: units.indexOf(at), index: part.start });
  return units.ranOut;
}
