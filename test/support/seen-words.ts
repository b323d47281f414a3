/** The words that a person sees on a page, as a real browser lays it out and runs it, and those of its Markdown. */
import { readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import type { Page } from 'playwright-core';

export interface Content {
  /** Where the content is: all of the first that is there. */
  readonly within: readonly string[];
  /** Furniture in it, and what only repeats what is there. */
  readonly without: string;
  /** Shown before looking, as the page's own script would. */
  readonly reveal?: string;
}

/** A function of the page's own world, and therefore not TypeScript. */
const seenText = readFileSync(new URL('seen-text.js', import.meta.url), 'utf8').replace(
  /^[\s\S]*?(?=function)/,
  '',
);

export async function seenWords(page: Page, file: string, content: Content): Promise<string[]> {
  await page.goto(pathToFileURL(file).href, { waitUntil: 'domcontentloaded' });
  return wordsIn(await page.evaluate(`(${seenText})(${JSON.stringify(content)})`));
}

/** Of the text alone: addresses of links would lend words that the text has lost. */
export function markdownWords(markdown: string): string[] {
  const text = markdown
    .replace(/\]\((?:[^()\s]|\([^()\s]*\))*\)/g, '] ')
    .replace(/\\(?=[!-/:-@[-`{-~])/g, '')
    .replace(/&#x([0-9a-f]{1,6});/gi, (_, code) => String.fromCodePoint(Number.parseInt(code, 16)))
    .replace(/[*`]|~~/g, '')
    .replaceAll('<br>', ' ');
  return wordsIn(text);
}

function wordsIn(text: string): string[] {
  return text.replace(/[\u00ad\u200b\u2060\ufeff]/g, '').match(/[\p{L}\p{N}]+/gu) ?? [];
}

/** Of `wanted`, each counted as often as it is there: the share that is in `given`, and some that is not. */
export function shareKept(wanted: readonly string[], given: readonly string[]) {
  const left = new Map<string, number>();
  for (const word of given) left.set(word, (left.get(word) ?? 0) + 1);
  const lost = wanted.filter((word) => {
    const count = left.get(word) ?? 0;
    left.set(word, count - 1);
    return count <= 0;
  });
  const share = wanted.length === 0 ? 1 : 1 - lost.length / wanted.length;
  return { share, lost: lost.slice(0, 20) };
}
