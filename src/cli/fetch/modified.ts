/** When a document was last modified: `-z` asks for one that is newer (RFC 9110 §13.1.3), `-R` dates the file. */
import { stat, utimes } from 'node:fs/promises';
import type { HopAnswer } from '../../http/hops.ts';

export interface TimeCondition {
  /** Milliseconds. */
  readonly at: number;
  /** Whether what is older is wanted, and not what is newer. */
  readonly isOlder: boolean;
}

/** A file whose date it is, or a date; `-` before it turns it round. `undefined` for what is neither. */
export async function timeCondition(text: string): Promise<TimeCondition | undefined> {
  const isOlder = text.startsWith('-');
  const named = text.replace(/^[-+]/, '');
  // JavaScript reads a date into almost anything that ends in a number, such as the name of a file.
  const date = /(?:^|\D)\d{4}(?:\D|$)/.test(named) ? Date.parse(named) : Number.NaN;
  const at = await stat(named).then(
    ({ mtimeMs }) => mtimeMs,
    () => date,
  );
  return Number.isNaN(at) ? undefined : { at, isOlder };
}

export function conditionField({ at, isOlder }: TimeCondition): [name: string, value: string] {
  const name = isOlder ? 'if-unmodified-since' : 'if-modified-since';
  return [name, new Date(at).toUTCString()];
}

/** Also where the server does not heed it, which RFC 9110 allows. */
export function isUnmet({ status, headers }: HopAnswer, condition: TimeCondition): boolean {
  if (status === 304) return true;
  const modified = Date.parse(headers.get('last-modified') ?? '');
  if (status !== 200 || Number.isNaN(modified)) return false;
  return condition.isOlder ? modified > condition.at : modified <= condition.at;
}

/** A file that cannot be dated is as good otherwise. */
export async function dateAs(file: string, { headers }: HopAnswer): Promise<void> {
  const modified = Date.parse(headers.get('last-modified') ?? '');
  if (!Number.isNaN(modified)) await utimes(file, new Date(), new Date(modified)).catch(() => {});
}
