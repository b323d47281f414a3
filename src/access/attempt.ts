/** A failure as a value, for callers that can go on without the result. */
import type { Abortable } from '../abortable.ts';
import { type AccessError, isAccessError } from '../errors.ts';

/**
 * The result of `work`, or the AccessError it fails with. A cancelled call and a fault of this program are
 * still thrown.
 */
export async function attempt<T>(work: Promise<T>, signal?: Abortable): Promise<T | AccessError> {
  try {
    return await work;
  } catch (error) {
    if (!isAccessError(error) || error.code === 'cancelled' || signal?.aborted) throw error;
    return error;
  }
}
