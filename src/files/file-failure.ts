/** Turns the failure to write a file into `save_refused`. */
import { AccessError } from '../errors.ts';

/** `name`: as the agent gave it. */
export async function onFile<T>(work: () => Promise<T>, name: string): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw fileFailure(error, name);
  }
}

export function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string'
    ? error.code
    : 'no code';
}

export function fileFailure(error: unknown, name: string): AccessError {
  if (error instanceof AccessError) return error;
  return new AccessError(
    'save_refused',
    `${JSON.stringify(name)} could not be written (${codeOf(error)}).`,
    [{ do: 'choose_file', to: 'save', need: 'writable_folder' }],
    { cause: error },
  );
}
