/** The documents for users: nothing is said twice, so that nothing can be changed in one place only. */
import { readdirSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

const root = new URL('../../', import.meta.url);
const read = (path: string) => readFileSync(new URL(path, root), 'utf8');
const docs = readdirSync(new URL('docs/', root)).filter((name) => name.endsWith('.md'));

/** Sentences, and cells of tables, of at least eight words, without their marks. */
function sentencesOf(markdown: string): string[] {
  return markdown
    .replace(/^```[\s\S]*?^```$/gm, '')
    .replace(/\]\([^)]*\)/g, ']')
    .split(/\n\s*\n|\n(?=[-|#>])|\||(?<=[.!?:;])\s+/)
    .map((text) =>
      text
        .replace(/[`*_[\]\n#-]+/g, ' ')
        .replace(/\s+/g, ' ')
        .trim(),
    )
    .map((text) => text.replace(/[.!?:;]+$/, '').toLowerCase())
    .filter((text) => text.split(' ').length >= 8);
}

it('no sentence of the README stands in docs/ as well', () => {
  const inReadme = new Set(sentencesOf(read('README.md')));
  expect(inReadme.size).toBeGreaterThan(20);
  const twice = docs.flatMap((name) =>
    sentencesOf(read(`docs/${name}`))
      .filter((sentence) => inReadme.has(sentence))
      .map((sentence) => `docs/${name}: ${sentence}`),
  );
  expect(twice).toEqual([]);
});

it('the README leads to every document, and its list names none twice', () => {
  const text = read('README.md');
  for (const name of docs) expect(text).toContain(`docs/${name}`);
  const [, list = ''] = /^## More\n\n((?:- .*\n)+)/m.exec(text) ?? [];
  const named = [...list.matchAll(/\]\(([^)]+)\)/g)].map(([, path]) => path);
  expect(named.length).toBeGreaterThan(8);
  expect(new Set(named).size).toBe(named.length);
});
