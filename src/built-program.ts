/**
 * Finds our own programs that run in processes of their own, which the build therefore writes to separate
 * files.
 */
import { access } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

/** `name`: the file's name in dist/. Throws when this installation lacks it. */
export async function builtProgram(name: string): Promise<string> {
  // Beside the bundle, above its chunks, or built when this runs from the sources.
  for (const folder of ['./', '../', '../dist/']) {
    const file = fileURLToPath(new URL(`${folder}${name}`, import.meta.url));
    try {
      await access(file);
      return file;
    } catch {} // not there
  }
  throw new Error(`${name} is missing from this installation`);
}
