/** What the published package holds of others, and under which licence (SECURITY.md, Supply chain). */
import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';

const read = (path: string) => readFile(new URL(`../${path}`, import.meta.url), 'utf8');

it('names the Public Suffix List, its licence and where its source is', async () => {
  const source = 'https://publicsuffix.org/list/public_suffix_list.dat';
  const licences = await read('dist/THIRD-PARTY-LICENSES.txt');
  const entry = licences.split(/^-{80}$/m).find((each) => each.includes('Public Suffix List'));
  expect(entry).toContain('Mozilla Public License 2.0');
  expect(entry).toContain('https://www.mozilla.org/MPL/2.0/');
  expect(entry).toContain(source);
  const security = await read('SECURITY.md');
  expect(security).toMatch(/Public Suffix List.*MPL-2\.0/);
  expect(security).toContain(source);
});

it('names every licence that any bundled package states', async () => {
  const licences = await read('dist/THIRD-PARTY-LICENSES.txt');
  const stated = [...licences.matchAll(/^\S+ \d\S* \((.+)\)$/gm)].map(([, licence]) => licence);
  expect(stated.length).toBeGreaterThan(10);
  const security = await read('SECURITY.md');
  for (const licence of new Set(stated)) expect(security).toContain(licence);
});
