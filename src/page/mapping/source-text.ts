/**
 * Text in which all spaces and line breaks matter, such as code: without line numbers, and with no-break
 * spaces as spaces.
 */

import {
  attribute,
  type Element,
  isElement,
  isText,
  type Node,
  type Parent,
} from '../tree/html-tree.ts';
import type { PageContext } from './context.ts';

const lineNumbers =
  /(?:^|\s)(?:line-?no(?:s|number|-col)?|line-?numbers?(?:-rows)?|linenumber|linenr|lines-num|gutter|blob-num|diff-line-num|rouge-gutter|hljs-ln-numbers|react-line-numbers?)(?:\s|$)/i;
const numberAttributes = ['data-line-number', 'data-line-num', 'data-linenumber'];

/** Whether the element contains a line number, or takes the place of one. */
export function isLineNumber(element: Element): boolean {
  if (element.attrs.length === 0) return false;
  if (lineNumbers.test(attribute(element, 'class') ?? '')) return true;
  return (
    numberAttributes.some((name) => attribute(element, name) !== undefined) &&
    wordsAreNumber(element.childNodes)
  );
}

/** Whether the element also contains nothing else. */
export function isOnlyLineNumber(element: Element): boolean {
  return isLineNumber(element) && wordsAreNumber(element.childNodes);
}

function wordsAreNumber(nodes: readonly Node[], depth = 0): boolean {
  return nodes.every((node) => {
    if (isText(node)) return /^[\s\d.…]*$/.test(node.value);
    return !isElement(node) || (depth < 3 && wordsAreNumber(node.childNodes, depth + 1));
  });
}

export function sourceOf(parent: Parent, context: PageContext): string {
  const parts: string[] = [];
  const walk = (node: Parent) => {
    for (const child of node.childNodes) {
      if (isText(child)) parts.push(child.value);
      else if (isElement(child) && context.isShown(child)) {
        if (child.tagName === 'br') parts.push('\n');
        else if (!isLineNumber(child)) {
          walk(child);
          // Some highlighters make each line a block and write no line breaks.
          if (/^(?:div|p|li|tr)$/.test(child.tagName) && !parts.at(-1)?.endsWith('\n'))
            parts.push('\n');
        }
      }
    }
  };
  walk(parent);
  const text = parts.join('').replace(/\r\n?/g, '\n').replaceAll('\u00a0', ' ');
  return context.conceal(text);
}
