/** Parses the numbers of options; commander reports what is wrong. */
import { InvalidArgumentError } from 'commander';

/** From 0 to `most`; fractions are allowed. */
export function seconds(most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d*\.?\d+$/.test(text) || value > most) {
      throw new InvalidArgumentError(`It must be a number of seconds from 0 to ${most}.`);
    }
    return value;
  };
}

export function integer(most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value > most) {
      throw new InvalidArgumentError(`It must be a whole number from 0 to ${most}.`);
    }
    return value;
  };
}
