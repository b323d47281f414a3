/** Reads bytes as characters: of one byte each, or of two bytes (UTF-16) in either byte order. */

export class Units {
  /** Set when the end was reached while reading: with more input, the result might be different. */
  ranOut = false;
  readonly length: number;
  readonly #input: Uint8Array;
  readonly #order: Order;
  readonly #base: number;

  /** `at`: the index of a byte at which a unit begins. */
  constructor(input: Uint8Array, order: Order, at: number) {
    this.#input = input;
    this.#order = order;
    this.#base = order === 'bytes' ? 0 : at % 2;
    this.length = order === 'bytes' ? input.length : (input.length - this.#base) >> 1;
  }

  /** -1 if there is no unit, or one above 255. */
  at(index: number): number {
    if (index >= this.length) {
      this.ranOut = true;
      return -1;
    }
    if (index < 0) return -1;
    if (this.#order === 'bytes') return this.#input[index] ?? -1;
    const byte = this.#base + 2 * index;
    const [low, high] = this.#order === 'le' ? [byte, byte + 1] : [byte + 1, byte];
    return this.#input[high] === 0 ? (this.#input[low] ?? -1) : -1;
  }

  indexOf(byte: number): number {
    return this.#order === 'bytes' ? byte : (byte - this.#base) >> 1;
  }

  byteOf(index: number): number {
    return this.#order === 'bytes' ? index : this.#base + 2 * index;
  }
}

export type Order = 'bytes' | 'le' | 'be';
