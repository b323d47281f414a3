/** Inline code, and multi-line code where only inline content is possible. */
import type { PhrasingContent } from 'mdast';
import { type Element, isElement, isText, type Node } from '../tree/html-tree.ts';
import { isBlock, type PageContext } from './context.ts';
import { sourceOf } from './source-text.ts';

export function codeOf(element: Element, context: PageContext): PhrasingContent[] {
  const lines = codeText(element, context)
    .split('\n')
    .map((line) => line.replace(/^ +| +$/g, '').replaceAll('\u00a0', ' '));
  return inlineCodes(lines);
}

/**
 * White space is collapsed as the page specifies, except no-break spaces; lines end where the page breaks
 * them.
 */
function codeText(element: Element, context: PageContext): string {
  const parts: string[] = [];
  const walk = (nodes: readonly Node[]) => {
    for (const node of nodes) {
      if (isText(node)) {
        parts.push(
          context.space === 'normal'
            ? node.value.replace(/[ \t\n\f\r]+/g, ' ')
            : node.value.replaceAll(' ', '\u00a0'),
        );
      } else if (isElement(node) && context.isShown(node)) {
        if (node.tagName === 'br') parts.push('\n');
        else walk(node.childNodes);
        if (isBlock(node)) parts.push('\n');
      }
    }
  };
  walk(element.childNodes);
  return context.conceal(parts.join('').replace(/[\u00ad\u200b\u2060\ufeff]+/g, ''));
}

/** Multi-line code as inline content: one inline code per line, with indentation. */
export function inlineLines(element: Element, context: PageContext): PhrasingContent[] {
  return inlineCodes(sourceOf(element, context).trimEnd().replace(/^\n+/, '').split('\n'));
}

function inlineCodes(lines: readonly string[]): PhrasingContent[] {
  return lines.flatMap((line, at): PhrasingContent[] => [
    ...(at > 0 ? [{ type: 'break' as const }] : []),
    ...(line.trim() === '' ? [] : [{ type: 'inlineCode' as const, value: line.trimEnd() }]),
  ]);
}
