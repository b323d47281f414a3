// `npm run generate`: writes everything that repeats what package.json, src/config/variables.ts and the
// program's --help say. With `--check` it only compares, and fails where something differs.
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { generated } from './generated.js';
import { readSource, root } from './source.js';

const check = process.argv.includes('--check');
const stale = [];
for (const { path, content } of await generated(await readSource())) {
  const file = join(root, path);
  const text = await content(await readFile(file, 'utf8').catch(() => ''));
  if (text === (await readFile(file, 'utf8').catch(() => undefined))) continue;
  stale.push(path);
  if (check) continue;
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, text);
}
if (stale.length > 0) {
  process.stdout.write(`${check ? 'Not as generated' : 'Written'}: ${stale.join(', ')}\n`);
}
if (check && stale.length > 0) {
  process.stdout.write('Run: npm run generate\n');
  process.exitCode = 1;
}
