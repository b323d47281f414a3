/** That each guard is found, for whoever moves one: `npm run test:guards` removes them, and takes long. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { guards } from './guards.ts';

const root = new URL('../../', import.meta.url);

it.each(guards)('$name stands once where it should, and its test exists', async (one) => {
  const { file, guard, test } = one;
  const text = await readFile(new URL(file, root), 'utf8');
  expect(text.split(guard).length - 1).toBe(1);
  expect(existsSync(new URL(test, root))).toBe(true);
});
