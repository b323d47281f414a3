/** SECURITY.md's table of what is waited for, and the code's. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { bounds } from '../../src/http/waiting/bounds.ts';

const units: Record<string, number> = { s: 1_000, min: 60_000, h: 3_600_000 };

test('SECURITY.md names every bound, and none that is not kept', () => {
  const [, section = ''] = readFileSync('SECURITY.md', 'utf8').split(
    '## How long anything is waited for\n',
  );
  const [table = ''] = section.trim().split('\n\n');
  const said = table
    .split('\n')
    .slice(2)
    .map((row) => / (\d+) (\w+) \|$/.exec(row))
    .map((match) => Number(match?.[1]) * (units[match?.[2] ?? ''] ?? Number.NaN));
  expect(said).toEqual(Object.values(bounds));
});
