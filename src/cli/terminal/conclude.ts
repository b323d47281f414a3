/** Runs a command's work to its exit code (contract §6). */
import { type ErrorCode, isAccessError } from '../../errors.ts';
import { Interrupted } from './cancellation.ts';
import type { FailureOptions } from './failure.ts';
import type { Shell } from './shell.ts';

/** The command itself was wrong, and the person has to correct it. */
const misuse: readonly ErrorCode[] = [
  'invalid_input',
  'https_required',
  'header_not_allowed',
  'config_invalid',
];

/**
 * Runs a command's work. Reports what it throws, and returns the exit code: 1 (failed), 2 (usage error) or
 * a signal's.
 */
export async function conclude(
  shell: Shell,
  options: FailureOptions | (() => FailureOptions),
  work: () => Promise<number>,
): Promise<number> {
  try {
    return await work();
  } catch (error) {
    const { tellFailure } = await import('./failure.ts');
    tellFailure(shell, error, typeof options === 'function' ? options() : options);
    if (error instanceof Interrupted) return error.exitCode;
    return isAccessError(error, ...misuse) ? 2 : 1;
  }
}
