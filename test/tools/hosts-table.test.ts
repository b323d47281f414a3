/** The README says of each host what was tried, and the hosts that are tried are those. */
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

const read = (name: string) => readFileSync(new URL(`../../${name}`, import.meta.url), 'utf8');

it('the README’s table has the whole job for exactly the hosts that do it in CI', () => {
  const rows = [
    ...read('README.md').matchAll(/^\| ([^|]+) \| [^|]+ \| whole job(?:, with both)? \|/gm),
  ].map(([, host]) => host);
  const versions = JSON.parse(read('test/hosts/versions.json')) as Record<string, string>;
  expect(rows.sort()).toEqual(Object.keys(versions).sort());
  for (const wanted of Object.values(versions)) expect(wanted).toMatch(/^.+@\d+\.\d+\.\d+$/);
});
