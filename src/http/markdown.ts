/**
 * HTML to Markdown (CommonMark and GFM's tables) for a model to read: parse5 makes the tree, and
 * mdast-util-to-markdown writes. Nothing is run or fetched. Hostile pages end in bounded time and
 * memory; whatever was cut is said in `note`.
 */
import type { Root, RootContent } from 'mdast';
import { gfmStrikethroughToMarkdown } from 'mdast-util-gfm-strikethrough';
import { gfmTableToMarkdown } from 'mdast-util-gfm-table';
import { gfmTaskListItemToMarkdown } from 'mdast-util-gfm-task-list-item';
import { defaultHandlers, type Handle, type Options, toMarkdown } from 'mdast-util-to-markdown';
import {
  attribute,
  type Document,
  type Element,
  isElement,
  type Parent,
  parseHtml,
} from './html-tree.ts';
import { flow } from './page-blocks.ts';
import { createContext, wordsOf } from './page-context.ts';
import { visibleParts } from './page-noise.ts';
import { strippedText } from './stripped-text.ts';

export interface Markdown {
  readonly markdown: string;
  /** What of the page is missing, in a sentence. */
  readonly note?: string;
}

export interface MarkdownOptions {
  /** Where the page came from, after redirects: what its links are relative to. */
  readonly url: URL;
  /** Cuts our credentials out of the page's words once character references are undone. */
  readonly conceal?: (text: string) => string;
}

/** In UTF-16 units. Beyond it the page is read no further. */
export const maxHtmlLength = 2_000_000;

/** For writing; parsing has its own. Pages of real size need a tenth of it. */
const writeBudgetMs = 3000;
const blocksAtOnce = 100;

/** Never throws for anything in `html`. */
export function htmlToMarkdown(
  html: string,
  { url, conceal = (text) => text }: MarkdownOptions,
): Markdown {
  const cut = html.length > maxHtmlLength;
  const source = cut ? html.slice(0, maxHtmlLength) : html;
  const { document, stopped } = parseHtml(source);
  if (stopped === 'depth') {
    return {
      markdown: conceal(strippedText(source)),
      note: 'The page nests its elements too deeply to be turned into Markdown: these are its words alone. format "raw" gives the source.',
    };
  }
  const { markdown, complete } = write(contentOf(document, url, conceal));
  if (!cut && !stopped && complete) return { markdown };
  return {
    markdown,
    note: 'The page is too large to be turned into Markdown whole: this is its beginning. format "raw" gives the source.',
  };
}

function contentOf(document: Document, url: URL, conceal: (text: string) => string): RootContent[] {
  const head = find(document, 'head');
  const body = find(document, 'body') ?? find(document, 'frameset');
  const base = baseOf(document, url);
  const visible = body ? visibleParts(body) : { roots: [], isShown: () => true };
  const context = createContext({ base, isShown: visible.isShown, conceal });
  const content = visible.roots.flatMap((root) => flow(root, context));
  const title = head && find(head, 'title');
  const words = title ? wordsOf(title, context, 300) : '';
  if (content.length === 0) content.push(...withoutScript(body, base, conceal));
  if (words === '' || content.some((each) => each.type === 'heading' && each.depth === 1))
    return content;
  return [{ type: 'heading', depth: 1, children: [{ type: 'text', value: words }] }, ...content];
}

/** A page that a script would fill says so in `noscript`. */
function withoutScript(
  body: Element | undefined,
  base: URL,
  conceal: (text: string) => string,
): RootContent[] {
  const fallback = body && find(body, 'noscript');
  return fallback
    ? flow(
        fallback,
        createContext({
          base,
          isShown: (node) => !isElement(node) || !/^(?:script|style|template)$/.test(node.tagName),
          conceal,
        }),
      )
    : [];
}

/** HTML §4.2.3: the first `<base href>`, itself relative to the page's URL. */
function baseOf(document: Document, url: URL): URL {
  const element = find(document, 'base');
  const href = element && attribute(element, 'href');
  if (!href || !URL.canParse(href, url.href)) return url;
  const base = new URL(href, url);
  return /^https?:$/.test(base.protocol) ? base : url;
}

function find(parent: Parent, tag: string, depth = 0): Element | undefined {
  for (const node of parent.childNodes) {
    if (!isElement(node)) continue;
    if (node.tagName === tag) return node;
    const found = depth < 12 ? find(node, tag, depth + 1) : undefined;
    if (found) return found;
  }
  return undefined;
}

function write(blocks: RootContent[]): { markdown: string; complete: boolean } {
  const parts: string[] = [];
  const until = performance.now() + writeBudgetMs;
  for (let at = 0; at < blocks.length; at += blocksAtOnce) {
    if (performance.now() > until) return { markdown: parts.join('\n\n'), complete: false };
    const root: Root = { type: 'root', children: blocks.slice(at, at + blocksAtOnce) };
    parts.push(toMarkdown(root, options).trim());
  }
  return { markdown: parts.join('\n\n'), complete: true };
}

/** Words in which no Markdown can hide need no search for it; most are. */
const harmless = /^(?! )[\p{L}\p{M} ,;'"()?%$/’“”–—…]*(?<! )$/u;

const text: Handle = (node, parent, state, info) =>
  harmless.test(node.value) ? node.value : defaultHandlers.text(node, parent, state, info);

const options: Options = {
  bullet: '-',
  rule: '-',
  fences: true,
  listItemIndent: 'one',
  // Aligned columns would cost rows × the widest cell.
  extensions: [
    gfmTableToMarkdown({ tablePipeAlign: false }),
    gfmStrikethroughToMarkdown(),
    gfmTaskListItemToMarkdown(),
  ],
  handlers: { text },
};
