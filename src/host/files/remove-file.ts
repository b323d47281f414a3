/** Removes a file, if it is there. */
import { unlinkSync } from 'node:fs';
import { systemCode } from './private-folder.ts';

export function removeFile(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw error;
  }
}
