/**
 * Windows keeps a name for as long as any program has the file open, if only to read it: it cannot be
 * renamed over, and one that was removed is neither there nor free. That is over in a moment.
 */
import { systemCode } from './private-folder.ts';

const attempts = 10;

/** Runs `work` again, for half a second at most, where it failed for that reason. Elsewhere it runs once. */
export async function whileBusy<T>(
  work: () => T | Promise<T>,
  platform: NodeJS.Platform = process.platform,
): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work();
    } catch (error) {
      const busy = ['EPERM', 'EACCES', 'EBUSY'].includes(systemCode(error));
      if (platform !== 'win32' || !busy || attempt === attempts) throw error;
      await new Promise((resolve) => setTimeout(resolve, 10 * attempt));
    }
  }
}
