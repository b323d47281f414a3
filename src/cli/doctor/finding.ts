/** The result of one check of the doctor. */
import type { AccessError } from '../../errors.ts';
import type { Reader } from '../terminal/reader.ts';
import { stepForPeople } from '../terminal/step-for-people.ts';

export interface Finding {
  readonly name: string;
  readonly state: 'ok' | 'warn' | 'fail' | 'skip';
  readonly text: string;
  /** What to do, for `warn` and `fail`. */
  readonly advice?: string;
}

export const ok = (name: string, text: string): Finding => ({ name, state: 'ok', text });
export const skip = (name: string, text: string): Finding => ({ name, state: 'skip', text });
export const warn = (name: string, text: string, advice: string): Finding => ({
  name,
  state: 'warn',
  text,
  advice,
});
export const fail = (name: string, text: string, advice: string): Finding => ({
  name,
  state: 'fail',
  text,
  advice,
});

export function failure(name: string, error: AccessError, reader: Reader): Finding {
  return fail(name, error.message, stepForPeople(error.nextStep, reader));
}
