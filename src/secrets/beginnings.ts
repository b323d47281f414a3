/** A quick look at two bytes: whether a secret may begin with them, in whatever spelling. */
import type { Part, SecretText } from './secret-text.ts';
import { introducers, isAlphanumeric, secondBytes } from './spellings.ts';

export function beginningsOf(
  all: readonly { readonly text: SecretText; readonly part: Part }[],
): (input: Uint8Array, at: number) => boolean {
  const first = new Uint8Array(256);
  const pairs = new Uint8Array(65_536);
  const mark = (one: number, two: number): void => {
    first[one] = 1;
    pairs[(one << 8) | two] = 1;
    // UTF-16, in both orders.
    pairs[one << 8] = 1;
    pairs[one] = 1;
    first[0] = 1;
  };
  const bothOf = ({ bytes, others }: SecretText, index: number): number[] =>
    [bytes[index] ?? -1, others[index] ?? -1].filter((byte) => byte >= 0);

  for (const { text, part } of all) {
    for (const one of bothOf(text, part.start)) {
      for (const two of [...bothOf(text, part.start + 1), ...introducers]) mark(one, two);
      if (!text.isPlain && isAlphanumeric(one)) continue;
      for (const introducer of introducers) {
        for (const two of secondBytes(introducer, one)) mark(introducer, two);
      }
    }
  }
  return (input, at) => {
    const one = input[at] ?? 0;
    if (at + 1 >= input.length) return first[one] === 1;
    return pairs[(one << 8) | (input[at + 1] ?? 0)] === 1;
  };
}
