/** The tests' browser: a program that writes down where the person would be led, and shows nothing. */
import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

const program = fileURLToPath(new URL('browser-visit.js', import.meta.url));
const patienceMs = 10_000;

/**
 * Makes it at `path`. Resolves with what tells the addresses that it was led to so far. A browser that is
 * still on its way is waited for, so that "one tab" means that no second was started.
 */
export async function writeBrowserProgram(path: string): Promise<() => Promise<string[]>> {
  const [started, led] = [`${path}-started`, `${path}-led`];
  const script = `#!/bin/sh\necho "$1" >>'${started}'\nexec '${process.execPath}' '${program}' '${led}' "$1"\n`;
  await writeFile(path, script, { mode: 0o755 });
  return async () => {
    const until = performance.now() + patienceMs;
    for (;;) {
      const [expected, addresses] = [await lines(started), await lines(led)];
      if (addresses.length >= expected.length || performance.now() > until) return addresses;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };
}

async function lines(file: string): Promise<string[]> {
  const text = await readFile(file, 'utf8').catch(() => '');
  return text.split('\n').filter((line) => line !== '');
}
