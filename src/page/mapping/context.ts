/**
 * What every part of a page's conversion needs to know: addresses, what is shown, and which elements are
 * blocks.
 */

import { resolveReference } from '../../secure-url.ts';
import type { Allowance } from '../allowance.ts';
import {
  attribute,
  type Element,
  isElement,
  isText,
  type Node,
  type Parent,
} from '../tree/html-tree.ts';
import type { SpaceStyles, WhiteSpace } from './white-space.ts';

export interface PageContext {
  /** Called for every element in every traversal, which is why it also checks the time. */
  readonly isShown: (node: Node) => boolean;
  readonly allowance: Allowance;
  /** Removes our credentials from the page's text. */
  readonly conceal: (text: string) => string;
  /** The absolute URL, if its scheme is one that a reader can follow; else `undefined`. */
  readonly address: (reference: string | undefined, schemes?: RegExp) => string | undefined;
  /** Whether the element contains a block. */
  readonly holdsBlock: (element: Element) => boolean;
  /** How deeply the current element is nested in lists and quotes. */
  readonly depth: number;
  readonly inForm: boolean;
  readonly inHeading: boolean;
  /** How white space is treated in the surrounding element. */
  readonly space: WhiteSpace;
  readonly styles: SpaceStyles;
  /** Inside a table cell, which is a single line. */
  readonly inCell: boolean;
  /**
   * The marks around the current element. The same mark is not repeated: it would add nothing, and each
   * level costs the length of its content.
   */
  readonly marks: readonly string[];
}

const blocks = new Set([
  'address',
  'article',
  'aside',
  'blockquote',
  'body',
  'center',
  'dd',
  'details',
  'dialog',
  'dir',
  'div',
  'dl',
  'dt',
  'fieldset',
  'figcaption',
  'figure',
  'footer',
  'form',
  'h1',
  'h2',
  'h3',
  'h4',
  'h5',
  'h6',
  'header',
  'hgroup',
  'hr',
  'html',
  'legend',
  'li',
  'listing',
  'main',
  'menu',
  'nav',
  'ol',
  'optgroup',
  'p',
  'plaintext',
  'pre',
  'search',
  'section',
  'summary',
  'table',
  'tbody',
  'td',
  'tfoot',
  'th',
  'thead',
  'tr',
  'ul',
  'xmp',
]);

const followed = /^(?:https?|mailto|tel|ftp|sftp|ssh|git|irc|news|xmpp|sip|geo|slack|vscode):$/;
export const fetched = /^https?:$/;
const maxAddressLength = 2000;

export function createContext({
  base,
  conceal,
  allowance,
  styles,
  ...visible
}: {
  base: URL;
  isShown: (node: Node) => boolean;
  styles: SpaceStyles;
  conceal: (text: string) => string;
  allowance: Allowance;
}): PageContext {
  const known = new Map<Element, boolean>();
  const isShown = (node: Node): boolean => {
    allowance.look();
    return visible.isShown(node);
  };
  const holdsBlock = (element: Element): boolean => {
    const before = known.get(element);
    if (before !== undefined) return before;
    const holds = element.childNodes.some(
      (node) => isElement(node) && isShown(node) && (isBlock(node) || holdsBlock(node)),
    );
    known.set(element, holds);
    return holds;
  };
  return {
    isShown,
    allowance,
    conceal,
    holdsBlock,
    depth: 0,
    inForm: false,
    inHeading: false,
    space: 'normal',
    styles,
    inCell: false,
    marks: [],
    address(reference, schemes = followed) {
      const trimmed = reference?.trim();
      if (!trimmed || trimmed.length > maxAddressLength) return undefined;
      const url = resolveReference(trimmed, base);
      if (!url || !schemes.test(url.protocol) || !allowance.takeAddress(url.href.length))
        return undefined;
      return conceal(url.href);
    },
  };
}

export function isBlock(element: Element): boolean {
  return blocks.has(element.tagName) || holdsLines(element);
}

/** A text area with more than one line. */
export function holdsLines({ tagName, childNodes: [words] }: Element): boolean {
  return (
    tagName === 'textarea' &&
    words !== undefined &&
    isText(words) &&
    words.value.trim().includes('\n')
  );
}

/** The shown text below `parent`, with white space collapsed and about `limit` characters at most. */
export function wordsOf(parent: Parent, context: PageContext, limit = 2000): string {
  const parts: string[] = [];
  let length = 0;
  const walk = (node: Parent) => {
    for (const child of node.childNodes) {
      if (length > limit) return;
      if (isText(child)) {
        parts.push(child.value.slice(0, limit));
        length += child.value.length;
      } else if (isElement(child) && context.isShown(child)) {
        if (isBlock(child)) parts.push(' ');
        walk(child);
        if (isBlock(child)) parts.push(' ');
      }
    }
  };
  walk(parent);
  return collapse(context.conceal(parts.join('')))
    .replace(/[ \u00a0]+/g, ' ')
    .trim()
    .slice(0, limit);
}

/** What `collapse` may change. */
const collapsible = /[\t\n\f\r\u00a0\u00ad\u200b\u2060\ufeff]| {2}/;

/**
 * Collapses HTML's white space to single spaces and drops characters that only affect layout. No-break
 * spaces do not collapse (CSS Text §4.1), since several of them indent, but a single one between words
 * becomes a space.
 */
export function collapse(text: string): string {
  if (!collapsible.test(text)) return text;
  return text
    .replace(/[\u00ad\u200b\u2060\ufeff]+/g, '')
    .replace(/[ \t\n\f\r]+/g, ' ')
    .replace(/(?<![ \u00a0])\u00a0(?![ \u00a0])/g, (space, at, whole) =>
      at === 0 || at === whole.length - 1 ? space : ' ',
    );
}

/** The name that assistive technology would announce. */
export function spokenName(element: Element, context: PageContext): string {
  const name =
    attribute(element, 'aria-label') ??
    attribute(element, 'alt') ??
    attribute(element, 'title') ??
    attribute(element, 'tooltip') ??
    '';
  return collapse(context.conceal(name.slice(0, 500))).trim();
}
