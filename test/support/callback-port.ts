/**
 * A callback port of a data folder's own: test files run side by side, and a port that one has just
 * left must not be taken by another's server while a sign-in still counts on it.
 */
import { createHash } from 'node:crypto';

export function callbackPort(dataDir: string): string {
  // Below the range from which the system gives out ports by itself.
  return String(10_000 + (createHash('sha256').update(dataDir).digest().readUInt16BE() % 20_000));
}
