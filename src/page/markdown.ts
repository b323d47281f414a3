/**
 * HTML to Markdown (CommonMark and GFM's tables) for a model to read: parse5 makes the tree, and
 * mdast-util-to-markdown writes. Nothing is run or fetched. Hostile pages end in bounded time and
 * memory; whatever was cut is said in `note`.
 */
import type { RootContent } from 'mdast';
import { resolveReference } from '../secure-url.ts';
import { type Allowance, createAllowance, unlessTooCostly } from './allowance.ts';
import { flow } from './mapping/blocks.ts';
import { createContext, wordsOf } from './mapping/context.ts';
import { keptSpaceStyles, noStyles } from './mapping/white-space.ts';
import {
  attribute,
  type Document,
  type Element,
  isElement,
  type Parent,
  parseHtml,
} from './tree/html-tree.ts';
import { type Visible, visibleParts } from './tree/noise.ts';
import { composeShadowRoots } from './tree/shadow-roots.ts';
import { scriptsOf, shellNote } from './tree/shell.ts';
import { placeStreamed } from './tree/streamed.ts';
import { strippedText } from './tree/stripped-text.ts';
import { write } from './writing/write.ts';

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

/** For each part of the work, in ms. */
export interface Times {
  readonly parse: number;
  readonly walk: number;
  readonly write: number;
}

/** Pages of real size need a hundredth of it; a machine that is busy with others may take ten times that. */
const patient: Times = { parse: 4000, walk: 5000, write: 10_000 };
const quick: Times = { parse: 30, walk: 30, write: 30 };

/** In UTF-16 units. Beyond it the page is read no further. */
export const maxHtmlLength = 2_000_000;

const maxBaseLength = 2000;

/** Never throws for anything in `html`. What is too much for `times` is given in part, or as words alone. */
export function htmlToMarkdown(
  html: string,
  { times = patient, ...options }: MarkdownOptions & { readonly times?: Times },
): Markdown {
  const attempt = convert(html, options, times);
  if (attempt.markdown === undefined) return wordsAlone(html, options, attempt.why);
  const { markdown, isWhole, notes } = attempt;
  const cut = isWhole
    ? []
    : [
        'The page is too large to be turned into Markdown whole: this is its beginning. format "raw" gives the source.',
      ];
  return withNotes(markdown, [...notes, ...cut]);
}

/** `undefined` when a tenth of a second is not enough, so that whoever waits meanwhile does not wait long. */
export function quickMarkdown(html: string, options: MarkdownOptions): Markdown | undefined {
  const { markdown, isWhole, notes } = convert(html, options, quick);
  return markdown !== undefined && isWhole ? withNotes(markdown, notes) : undefined;
}

function withNotes(markdown: string, notes: readonly string[]): Markdown {
  return notes.length > 0 ? { markdown, note: notes.join(' ') } : { markdown };
}

/** The words of a page from which no more can be had. */
export function wordsAlone(
  html: string,
  { conceal = (text) => text }: MarkdownOptions,
  why = 'is too intricate',
): Markdown {
  return {
    markdown: conceal(strippedText(html.slice(0, maxHtmlLength))),
    note: `The page ${why} to be turned into Markdown: these are its words alone. format "raw" gives the source.`,
  };
}

type Attempt =
  | {
      readonly markdown: string;
      readonly isWhole: boolean;
      /** What a person would see otherwise. */
      readonly notes: readonly string[];
    }
  | {
      readonly markdown?: undefined;
      readonly isWhole?: undefined;
      readonly notes?: undefined;
      readonly why: string;
    };

function convert(
  html: string,
  { url, conceal = (text) => text }: MarkdownOptions,
  times: Times,
): Attempt {
  const { document, stopped } = parseHtml(html.slice(0, maxHtmlLength), times.parse);
  if (stopped === 'depth') return { why: 'nests its elements too deeply' };
  const allowance = createAllowance(times.walk);
  const content = unlessTooCostly(() => contentOf(document, { url, conceal, allowance }));
  const written = content && write(content.blocks, times.write);
  if (!written) return { why: 'is too intricate' };
  const { markdown, complete } = written;
  const isCut = html.length > maxHtmlLength || stopped !== undefined;
  return { markdown, isWhole: !isCut && complete && !allowance.exceeded(), notes: content.notes };
}

interface Conversion {
  readonly url: URL;
  readonly conceal: (text: string) => string;
  readonly allowance: Allowance;
}

interface Content {
  readonly blocks: RootContent[];
  readonly notes: readonly string[];
}

/** A page with fewer words than this, in UTF-16 units, waits for its scripts, if it has any. */
const shellLength = 120;

function contentOf(document: Document, { url, conceal, allowance }: Conversion): Content {
  placeStreamed(document, allowance);
  composeShadowRoots(document, allowance);
  const head = find(document, 'head');
  const body = find(document, 'body') ?? find(document, 'frameset');
  const base = baseOf(document, url);
  const visible = body ? visibleParts(body, allowance) : nothing;
  const context = createContext({
    base,
    isShown: visible.isShown,
    styles: keptSpaceStyles(document),
    conceal,
    allowance,
  });
  const shown = visible.roots.flatMap((root) => flow(root, context));
  const blocks = shown.length > 0 ? shown : withoutScript(body, { url: base, conceal, allowance });
  const notes = visible.isRevealed
    ? ['Nearly all of the page is hidden until a script shows it; it is given here all the same.']
    : [];
  if (visible.length < shellLength) {
    const scripts = scriptsOf(document);
    if (scripts.isThere) notes.push(conceal(shellNote(scripts, (each) => context.address(each))));
  }
  const title = head && find(head, 'title');
  const words = title ? wordsOf(title, context, 300) : '';
  if (words === '' || blocks.some((each) => each.type === 'heading' && each.depth === 1))
    return { blocks, notes };
  const heading: RootContent = {
    type: 'heading',
    depth: 1,
    children: [{ type: 'text', value: words }],
  };
  return { blocks: [heading, ...blocks], notes };
}

const nothing: Visible = { roots: [], isShown: () => true, isRevealed: false, length: 0 };

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
          styles: noStyles,
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
