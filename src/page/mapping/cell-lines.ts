/** Blocks inside a table cell or a link, converted to its lines. */
import type { PhrasingContent } from 'mdast';
import { attribute, type Element, isElement, type Node } from '../tree/html-tree.ts';
import type { PageContext } from './context.ts';
import { text, trimmed } from './phrasing-list.ts';

type Collect = (nodes: readonly Node[], context: PageContext) => PhrasingContent[];

/** A table's rows, as one line each. */
export function rowsInside(
  table: Element,
  context: PageContext,
  collect: Collect,
): PhrasingContent[] {
  const lines: PhrasingContent[] = [];
  const walk = (nodes: readonly Node[]) => {
    for (const node of nodes) {
      if (!isElement(node) || !context.isShown(node)) continue;
      if (node.tagName === 'tr') {
        if (lines.length > 0) lines.push({ type: 'break' });
        const cells = node.childNodes.filter(isElement).filter((cell) => context.isShown(cell));
        for (const [at, cell] of cells.entries()) {
          if (at > 0) lines.push(text(' | '));
          for (const each of trimmed(collect(cell.childNodes, context))) lines.push(each);
        }
      } else if (node.tagName === 'caption') {
        for (const each of collect(node.childNodes, context)) lines.push(each);
      } else walk(node.childNodes);
    }
  };
  walk(table.childNodes);
  return lines;
}

/** The number of an item in an ordered list. */
export function numberOf(item: Element): PhrasingContent[] {
  const list = item.parentNode;
  if (!list || !isElement(list) || list.tagName !== 'ol') return [];
  const items = list.childNodes.filter((node) => isElement(node) && node.tagName === 'li');
  const start = Number.parseInt(attribute(list, 'start') ?? '1', 10);
  return [text(`${(Number.isFinite(start) ? start : 1) + items.indexOf(item)}. `)];
}
