/** Of the words that a person sees of a page's content in a browser, 99 of 100 are in the Markdown. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { decodeText } from '../../src/answer/charset.ts';
import { htmlToMarkdown } from '../../src/page/markdown.ts';
import { hasChromium, startChromium } from '../support/chromium.ts';
import { type Content, markdownWords, seenWords, shareKept } from '../support/seen-words.ts';

const least = 0.99;
const url = new URL('https://wiki.example.com/docs/page/');
const furniture =
  'nav, [role=navigation], [role=banner], [role=contentinfo], footer, [aria-hidden=true], .breadcrumb, .linenos, .lineno, .react-line-number, input, select';
const usual: Content = { within: ['main, [role=main]', 'body'], without: furniture };

/** Where the content of a fixture is, where it is not where it usually is. */
const fixtures: Readonly<Record<string, Partial<Content>>> = {
  confluence: { within: ['#main'] },
  'github-blob': { without: `${furniture}, .react-blob-textarea` },
  issue: { within: ['.content'] },
  jenkins: { within: ['#main-panel'] },
  'jenkins-console': { within: ['#main-panel'] },
  'hidden-until-script': { reveal: '#app', without: `${furniture}, .modal` },
};

const packages: readonly { name: string; folder: string; content: Content }[] = [
  {
    name: 'git-doc',
    folder: '/usr/share/doc/git/html',
    content: { within: ['body'], without: '#footer' },
  },
  {
    name: 'doxygen-doc',
    folder: '/usr/share/doc/doxygen/html',
    content: { within: ['.contents'], without: '.dynheader, .dyncontent' },
  },
];

describe.skipIf(!hasChromium)('of what is seen, nearly every word is read', () => {
  let browser: Browser;
  let page: Page;
  beforeAll(async () => {
    browser = await startChromium();
    page = await browser.newPage();
    page.setDefaultTimeout(10_000);
  });
  afterAll(() => browser.close());

  const look = async (file: string, content: Content) => {
    const html = decodeText(readFileSync(file), { essence: 'text/html' }).text;
    const { markdown } = htmlToMarkdown(html, { url });
    return shareKept(await seenWords(page, file, content), markdownWords(markdown));
  };

  const folder = join(import.meta.dirname, 'fixtures');
  for (const file of readdirSync(folder).filter((name) => name.endsWith('.html'))) {
    test(file, async () => {
      const content = { ...usual, ...fixtures[file.replace('.html', '')] };
      const { share, lost } = await look(join(folder, file), content);
      expect(share, lost.join(' ')).toBeGreaterThanOrEqual(least);
    });
  }

  for (const { name, folder, content } of packages) {
    test.skipIf(!existsSync(folder))(
      `the documentation of ${name}`,
      { timeout: 120_000 },
      async () => {
        const files = readdirSync(folder).filter((file) => file.endsWith('.html'));
        const poor: string[] = [];
        for (const file of files) {
          const { share, lost } = await look(join(folder, file), content);
          if (share < least) poor.push(`${file}: ${share.toFixed(3)}, without ${lost.join(' ')}`);
        }
        expect(files.length).toBeGreaterThan(20);
        expect(poor).toEqual([]);
      },
    );
  }
});
