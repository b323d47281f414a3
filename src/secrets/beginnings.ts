/** Which secrets, in any spelling, may begin with two given bytes; a fast check. */
import type { Part, SecretText } from './secret-text.ts';
import { introducers, isAlphanumeric, secondBytes } from './spellings.ts';
import type { Order } from './units.ts';

/** A part of a text in one byte order, which may begin at some place in the input. */
export interface Start {
  readonly text: SecretText;
  readonly part: Part;
  readonly order: Order;
}

const orders: readonly Order[] = ['bytes', 'le', 'be'];
const none: readonly Start[] = [];
const lineEnds = [10, 13];

/** Returns a function that lists the parts that may begin at `at`, judged by the bytes that are there. */
export function beginningsOf(
  all: readonly { readonly text: SecretText; readonly part: Part }[],
): (input: Uint8Array, at: number) => readonly Start[] {
  const pairs = new Map<number, Start[]>();
  const lastBytes = new Map<number, Start[]>();
  const isPair = new Uint8Array(65_536);
  const mark = (start: Start, one: number, two: number): void => {
    const pair = (one << 8) | two;
    isPair[pair] = 1;
    add(pairs, pair, start);
    add(lastBytes, one, start);
  };

  for (const { text, part } of all) {
    for (const order of orders) {
      const start = { text, part, order };
      for (const [one, two] of firstCharacters(text, part)) {
        if (order === 'bytes') mark(start, one, two);
        else if (order === 'le') mark(start, one, 0);
        else mark(start, 0, one);
      }
    }
  }
  return (input, at) => {
    const one = input[at] as number;
    if (at + 1 >= input.length) return lastBytes.get(one) ?? none;
    const pair = (one << 8) | (input[at + 1] as number);
    return isPair[pair] === 0 ? none : (pairs.get(pair) ?? none);
  };
}

/** The first two bytes of all spellings of `part`. */
function* firstCharacters(text: SecretText, { start }: Part): Iterable<[number, number]> {
  for (const one of bothOf(text, start)) {
    for (const two of [...bothOf(text, start + 1), ...introducers, ...lineEnds]) yield [one, two];
    if (!text.isPlain && isAlphanumeric(one)) continue;
    for (const introducer of introducers) {
      for (const two of secondBytes(introducer, one)) yield [introducer, two];
    }
  }
}

function bothOf({ bytes, others }: SecretText, index: number): number[] {
  return [bytes[index] ?? -1, others[index] ?? -1].filter((byte) => byte >= 0);
}

function add(all: Map<number, Start[]>, key: number, start: Start): void {
  const before = all.get(key);
  if (before === undefined) all.set(key, [start]);
  else if (before.at(-1) !== start) before.push(start);
}
