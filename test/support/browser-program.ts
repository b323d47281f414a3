/** The tests' browser: a program that writes down where the person would be led, and shows nothing. */
import { writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

const program = fileURLToPath(new URL('browser-visit.js', import.meta.url));

/** Makes it at `path`; it adds a line to `openedFile` for each address. */
export async function writeBrowserProgram(path: string, openedFile: string): Promise<void> {
  const script = `#!/bin/sh\nexec '${process.execPath}' '${program}' '${openedFile}' "$1"\n`;
  await writeFile(path, script, { mode: 0o755 });
}
