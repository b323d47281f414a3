// `npm run picture`: runs the demo of the build and draws it for the README, unless the pictures that
// are there show the same but for times and ports. With `--check` it fails where they do not.
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { demoPictures, runDemo, timeless } from './picture/demo.js';
import { readSource, root } from './source.js';

const check = process.argv.includes('--check');
const source = await readSource();
const drawn = demoPictures(await runDemo(join(root, source.program)), source);
for (const [path, svg] of Object.entries(drawn)) {
  const file = join(root, path);
  const there = await readFile(file, 'utf8').catch(() => '');
  if (timeless(there) === timeless(svg)) continue;
  if (check) {
    process.stdout.write(
      `${path} does not show today’s demo. Run: npm run build && npm run picture\n`,
    );
    process.exitCode = 1;
    continue;
  }
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, svg);
  process.stdout.write(`Drawn: ${path}\n`);
}
