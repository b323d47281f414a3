/** A failure as a value, for callers that can do without what they asked for. */
import { type AccessError, isAccessError } from '../errors.ts';

/** What `work` comes to. A cancelled call and a fault of this program itself are thrown all the same. */
export async function attempt<T>(work: Promise<T>, signal?: AbortSignal): Promise<T | AccessError> {
  try {
    return await work;
  } catch (error) {
    if (!isAccessError(error) || error.code === 'cancelled' || signal?.aborted) throw error;
    return error;
  }
}
