/** Programs of our own that run beside the main one, and that the build therefore keeps in files of their own. */
import { access } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

/** `name` is that of its file in dist/. Throws when this installation lacks it. */
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
