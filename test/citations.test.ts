/** Every “contract §…” and “cloudflare-access.md §…” of the repository leads to a section that exists. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { documentedCommands } from './packaging/documented-commands.ts';

const root = new URL('..', import.meta.url);
const read = (path: string) => readFileSync(new URL(path, root), 'utf8');

/** `4` for a heading “## 4. …”; `4.3` for a heading “### 4.3 …” or the third item of the section's list. */
function sectionsOf(path: string): Set<string> {
  const sections = new Set<string>();
  let current = '';
  for (const line of read(path).split('\n')) {
    const heading = /^##+ (\d+(?:\.\d+)?)\.? /.exec(line)?.[1];
    const item = /^(\d+)\. /.exec(line)?.[1];
    if (heading !== undefined) {
      sections.add(heading);
      current = heading;
    } else if (item !== undefined && current !== '') sections.add(`${current}.${item}`);
  }
  return sections;
}

const papers = [
  { paper: 'docs/contract.md', cited: /\bcontract\b/i },
  { paper: 'docs/cloudflare-access.md', cited: /cloudflare-access\.md/ },
] as const;

const files = execFileSync('git', ['ls-files', '*.ts', '*.js', '*.md'], {
  cwd: root,
  encoding: 'utf8',
})
  .split('\n')
  .filter((path) => path !== '' && path !== 'test/citations.test.ts');

/** Each `§4.3` that follows the paper's name, in a list of them as well: “contract §4.5, §4.6”. */
function citationsIn(text: string, cited: RegExp): string[] {
  const lists = new RegExp(
    `${cited.source}(?:\`|\\))*(?: \\*)?,?\\s+(§[\\d.]+(?:(?:,| and)\\s+§[\\d.]+)*)`,
    'gi',
  );
  return [...text.matchAll(lists)].flatMap(([, list = '']) =>
    [...list.matchAll(/§(\d+(?:\.\d+)?)/g)].map(([, section = '']) => section),
  );
}

describe.each(papers)('$paper', ({ paper, cited }) => {
  const sections = sectionsOf(paper);

  it('is cited, and has every section that is', () => {
    const all = files.flatMap((path) =>
      citationsIn(read(path), cited).map((section) => ({ path, section })),
    );
    expect(all.length).toBeGreaterThan(10);
    expect(all.filter(({ section }) => !sections.has(section))).toEqual([]);
  });
});

it('links in the documents lead to files that exist', () => {
  const broken = files
    .filter((path) => path.endsWith('.md') && !path.startsWith('test/'))
    .flatMap((path) =>
      [...read(path).matchAll(/\]\((?!https?:|#|mailto:)([^)#\s]+)/g)]
        .map(([, target = '']) => new URL(target, new URL(path, root)))
        .filter((target) => {
          try {
            return readFileSync(target) === undefined;
          } catch (error) {
            return (error as { code?: string }).code !== 'EISDIR';
          }
        })
        .map((target) => `${path}: ${target.pathname.slice(root.pathname.length)}`),
    );
  expect(broken).toEqual([]);
});

it('commands in the documents are in the table that says which test runs them', () => {
  const table = read('test/packaging/commands.test.ts');
  const missing = [...documentedCommands()]
    .filter(
      ([command]) =>
        !table.includes(`'${command.replaceAll("'", "\\'")}'`) && !table.includes(`"${command}"`),
    )
    .map(([command, documents]) => `${documents}: ${command}`);
  expect(missing).toEqual([]);
});
