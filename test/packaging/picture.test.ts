/** The README's pictures show what the demo shows today, but for times and ports. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
const pictures = ['docs/pictures/demo-light.svg', 'docs/pictures/demo-dark.svg'];

it('the pictures are those of a run of the demo', () => {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ['packaging/picture.js', '--check'],
    { cwd: root, encoding: 'utf8' },
  );
  expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: '', stderr: '' });
});

it.each(pictures)('%s is shown by the README, loads nothing and runs nothing', (path) => {
  expect(readFileSync(`${root}/README.md`, 'utf8')).toContain(path);
  const svg = readFileSync(`${root}/${path}`, 'utf8');
  expect(svg).toMatch(/^<svg /);
  expect(svg).not.toMatch(/<script|<image|<foreignObject|href|url\(|@import|\bon\w+=/i);
});
