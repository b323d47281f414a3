/**
 * HTML to Markdown (CommonMark and GFM's tables) for a model to read: parse5 makes the tree, and
 * mdast-util-to-markdown writes. Nothing is run or fetched. Hostile pages end in bounded time and
 * memory; whatever was cut is said in `note`.
 */
import type { Root, RootContent } from 'mdast';
import { gfmStrikethroughToMarkdown } from 'mdast-util-gfm-strikethrough';
import { gfmTableToMarkdown } from 'mdast-util-gfm-table';
import { gfmTaskListItemToMarkdown } from 'mdast-util-gfm-task-list-item';
import {
  type Attention,
  defaultHandlers,
  type Handle,
  type Options,
  toMarkdown,
} from 'mdast-util-to-markdown';
import { resolveReference } from '../secure-url.ts';
import { type Allowance, createAllowance, OutOfTime } from './allowance.ts';
import { flow } from './blocks.ts';
import { createContext, wordsOf } from './context.ts';
import { crowdedMarks } from './crowded-marks.ts';
import {
  attribute,
  type Document,
  type Element,
  isElement,
  type Parent,
  parseHtml,
} from './html-tree.ts';
import { visibleParts } from './noise.ts';
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
  /** For the walk over the tree, in ms; 2000 when absent. */
  readonly budgetMs?: number;
}

/** In UTF-16 units. Beyond it the page is read no further. */
export const maxHtmlLength = 2_000_000;

/** For the walk over the tree and for writing; parsing has its own. Pages of real size need a tenth of them. */
const walkBudgetMs = 2000;
const writeBudgetMs = 3000;
const blocksAtOnce = 100;
const maxBaseLength = 2000;

/** Never throws for anything in `html`. */
export function htmlToMarkdown(
  html: string,
  { url, conceal = (text) => text, budgetMs = walkBudgetMs }: MarkdownOptions,
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
  const allowance = createAllowance(budgetMs);
  const content = unlessTooCostly(() => contentOf(document, { url, conceal, allowance }));
  const written = content && write(content);
  if (!written) {
    return {
      markdown: conceal(strippedText(source)),
      note: 'The page is too intricate to be turned into Markdown: these are its words alone. format "raw" gives the source.',
    };
  }
  const { markdown, complete } = written;
  if (!cut && !stopped && complete && !allowance.exceeded()) return { markdown };
  return {
    markdown,
    note: 'The page is too large to be turned into Markdown whole: this is its beginning. format "raw" gives the source.',
  };
}

/** `undefined` when time ran out, or a size that the language allows: whatever the page is, it gets an answer. */
function unlessTooCostly<T>(make: () => T): T | undefined {
  try {
    return make();
  } catch (error) {
    if (error instanceof OutOfTime || error instanceof RangeError) return undefined;
    throw error;
  }
}

interface Conversion {
  readonly url: URL;
  readonly conceal: (text: string) => string;
  readonly allowance: Allowance;
}

function contentOf(document: Document, { url, conceal, allowance }: Conversion): RootContent[] {
  const head = find(document, 'head');
  const body = find(document, 'body') ?? find(document, 'frameset');
  const base = baseOf(document, url);
  const visible = body ? visibleParts(body, allowance) : { roots: [], isShown: () => true };
  const context = createContext({ base, isShown: visible.isShown, conceal, allowance });
  const shown = visible.roots.flatMap((root) => flow(root, context));
  const content = shown.length > 0 ? shown : withoutScript(body, { url: base, conceal, allowance });
  const title = head && find(head, 'title');
  const words = title ? wordsOf(title, context, 300) : '';
  if (words === '' || content.some((each) => each.type === 'heading' && each.depth === 1))
    return content;
  return [{ type: 'heading', depth: 1, children: [{ type: 'text', value: words }] }, ...content];
}

/** A page that a script would fill says so in `noscript`. */
function withoutScript(
  body: Element | undefined,
  { url: base, conceal, allowance }: Conversion,
): RootContent[] {
  const fallback = body && find(body, 'noscript');
  return fallback
    ? flow(
        fallback,
        createContext({
          base,
          isShown: (node) => !isElement(node) || !/^(?:script|style|template)$/.test(node.tagName),
          conceal,
          allowance,
        }),
      )
    : [];
}

/** HTML §4.2.3: the first `<base href>`, itself relative to the page's URL. */
function baseOf(document: Document, url: URL): URL {
  const element = find(document, 'base');
  const href = element && attribute(element, 'href');
  // Every relative link on the page is read against it, and costs its length.
  if (!href || href.length > maxBaseLength) return url;
  const base = resolveReference(href, url);
  return base && /^https?:$/.test(base.protocol) ? base : url;
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

/** As many blocks as the time allows; `undefined` when not even the first could be written in it. */
function write(blocks: RootContent[]): { markdown: string; complete: boolean } | undefined {
  const parts: string[] = [];
  const allowance = createAllowance(writeBudgetMs);
  for (let at = 0; at < blocks.length; at += blocksAtOnce) {
    const root: Root = { type: 'root', children: blocks.slice(at, at + blocksAtOnce) };
    const part = unlessTooCostly(() => toMarkdown(root, optionsFor(root, allowance)).trim());
    if (part === undefined)
      return at === 0 ? undefined : { markdown: parts.join('\n\n'), complete: false };
    parts.push(part);
  }
  return { markdown: parts.join('\n\n'), complete: true };
}

/** Words in which no Markdown can hide need no search for it; most are. */
const harmless = /^(?! )[\p{L}\p{M} ,;'"()?%$/’“”–—…]*(?<! )$/u;

const text: Handle = (node, parent, state, info) =>
  harmless.test(node.value) ? node.value : defaultHandlers.text(node, parent, state, info);

const extensions: readonly Options[] = [
  // Aligned columns would cost rows × the widest cell.
  gfmTableToMarkdown({ tablePipeAlign: false }),
  gfmStrikethroughToMarkdown(),
  gfmTaskListItemToMarkdown(),
];

type Handler = Handle & { readonly attention?: Attention };

const handlers: Readonly<Record<string, Handler>> = Object.assign(
  {},
  defaultHandlers,
  ...extensions.map((each) => each.handlers),
  { text },
);

/** Handlers that look at the time before and after what they write: marks nest, and each reads its content again. */
function optionsFor(root: Root, { look }: Allowance): Options {
  const crowded = crowdedMarks(root);
  const within = ([name, handle]: [string, Handler]): [string, Handler] => {
    const looking: Handle = (...args) => {
      look();
      const written = handle(...args);
      look();
      return written;
    };
    const { attention } = handle;
    if (!attention) return [name, Object.assign(looking, handle)];
    const marking: Attention = (node, state) => {
      look();
      const { construct, markers, sizes } = attention(node, state);
      return crowded.has(node)
        ? { construct, markers: markers.slice(0, 1), sizes: sizes.slice(0, 1) }
        : { construct, markers, sizes };
    };
    return [name, Object.assign(looking, handle, { attention: marking })];
  };
  return {
    bullet: '-',
    rule: '-',
    fences: true,
    listItemIndent: 'one',
    extensions: [...extensions],
    handlers: Object.fromEntries(Object.entries(handlers).map(within)),
  };
}
