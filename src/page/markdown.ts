/**
 * Converts HTML to Markdown (CommonMark with GFM's tables) for a model to read. parse5 builds the tree,
 * and mdast-util-to-markdown writes the text. Nothing is run or fetched. Time and memory are bounded even
 * for hostile pages; `note` says what was cut.
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
  type ParsedHtml,
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
  /** Says what of the page is missing. */
  readonly note?: string;
}

export interface MarkdownOptions {
  /** The page's URL after redirects, to which its links are relative. */
  readonly url: URL;
  /** Removes our credentials from the page's text once character references are decoded. */
  readonly conceal?: (text: string) => string;
}

/** Time limits for each part of the work, in milliseconds. */
export interface Times {
  readonly parse: number;
  readonly walk: number;
  readonly write: number;
}

/** Ordinary pages need a hundredth of this, and perhaps ten times as much on a busy machine. */
const patient: Times = { parse: 4000, walk: 5000, write: 10_000 };
const quick: Times = { parse: 30, walk: 30, write: 30 };

/** In UTF-16 units; what exceeds it is ignored. */
export const maxHtmlLength = 2_000_000;

const maxBaseLength = 2000;

/**
 * Never throws, whatever is in `html`. A page that takes longer than `times` is converted partially, or to
 * its text only.
 */
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
        'The page is too large to be converted to Markdown as a whole: this is its beginning. format "raw" gives the source.',
      ];
  return withNotes(markdown, [...notes, ...cut]);
}

/**
 * `undefined` when about a tenth of a second is not enough, so that other calls do not have to wait long.
 */
export function quickMarkdown(html: string, options: MarkdownOptions): Markdown | undefined {
  const { markdown, isWhole, notes } = convert(html, options, quick);
  return markdown !== undefined && isWhole ? withNotes(markdown, notes) : undefined;
}

function withNotes(markdown: string, notes: readonly string[]): Markdown {
  return notes.length > 0 ? { markdown, note: notes.join(' ') } : { markdown };
}

/** Only the text of a page that cannot be converted. */
export function wordsAlone(
  html: string,
  { conceal = (text) => text }: MarkdownOptions,
  why = 'is too intricate',
): Markdown {
  return {
    markdown: conceal(strippedText(html.slice(0, maxHtmlLength))),
    note: `The page ${why} to be converted to Markdown: this is its text only. format "raw" gives the source.`,
  };
}

type Attempt =
  | {
      readonly markdown: string;
      readonly isWhole: boolean;
      /** How the result differs from what a person would see. */
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
  const parsed = parseHtml(html.slice(0, maxHtmlLength), times.parse);
  const { stopped } = parsed;
  if (stopped === 'depth') return { why: 'nests its elements too deeply' };
  const allowance = createAllowance(times.walk);
  const content = unlessTooCostly(() => contentOf(parsed, { url, conceal, allowance }));
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

/**
 * A page with less text than this, in UTF-16 units, and with scripts is one that its scripts would fill.
 */
const shellLength = 120;

function contentOf(
  { document, tagNames }: ParsedHtml,
  { url, conceal, allowance }: Conversion,
): Content {
  if (tagNames.has('template')) {
    placeStreamed(document, allowance);
    composeShadowRoots(document, allowance);
  }
  const head = find(document, 'head');
  const body = find(document, 'body') ?? find(document, 'frameset');
  const base = tagNames.has('base') ? baseOf(document, url) : url;
  const visible = body ? visibleParts(body, allowance) : nothing;
  const context = createContext({
    base,
    isShown: visible.isShown,
    styles: tagNames.has('style') ? keptSpaceStyles(document) : noStyles,
    conceal,
    allowance,
  });
  const shown = visible.roots.flatMap((root) => flow(root, context));
  const blocks = shown.length > 0 ? shown : withoutScript(body, { url: base, conceal, allowance });
  const notes = visible.isRevealed
    ? [
        'Nearly all of the page is hidden until a script shows it; the hidden content is included here.',
      ]
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

/** The content of `noscript`, for a page that a script would fill. */
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
  // Every relative link on the page is resolved against it and becomes as long.
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
