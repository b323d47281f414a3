/** Tables: data tables become GFM tables, layout tables become their content. */
import type { PhrasingContent, RootContent, TableRow } from 'mdast';
import { attribute, type Element, isElement } from '../tree/html-tree.ts';
import { codeRows, type Flow, linesOfCode, type Row } from './code-table.ts';
import type { PageContext } from './context.ts';
import { phrasing } from './inline.ts';
import { text } from './phrasing-list.ts';
import { whiteSpaceOf } from './white-space.ts';

const maxColumns = 200;
/** Text longer than this, in UTF-16 units, is not repeated in each row that its cell spans. */
const maxRepeated = 200;
/** Content that makes a table a layout table, because it does not fit on one line. */
const tooLargeForCell = /^(?:table|h[1-6]|pre|form|article|section|fieldset|blockquote)$/;

export function table(element: Element, context: PageContext, flow: Flow): RootContent[] {
  const { rows, captions } = rowsOf(element, context);
  const columns = rows.reduce(
    (most, { cells }) =>
      Math.max(
        most,
        cells.reduce((sum, cell) => sum + span(cell, 'colspan'), 0),
      ),
    0,
  );
  const title: RootContent[] = captions.flatMap((caption): RootContent[] => {
    const children = phrasing(caption.childNodes, context);
    return children.length > 0 ? [{ type: 'paragraph', children }] : [];
  });
  const lines = linesOfCode(rows, context);
  if (lines) return [...title, ...codeRows(lines, element, context, flow)];
  if (isLayout(element, rows, columns, context)) {
    return [...title, ...rows.flatMap(({ cells }) => layoutRow(cells, context, flow))];
  }
  const head = rows[0];
  const headed = head !== undefined && (head.inHead || head.cells.every(isHeading));
  const grid = gridOf(rows, Math.min(columns, maxColumns), context);
  const blank = {
    type: 'tableRow' as const,
    children: [...Array(grid[0]?.children.length ?? 0)].map(() => ({
      type: 'tableCell' as const,
      children: [],
    })),
  };
  return [...title, { type: 'table', children: headed ? grid : [blank, ...grid] }];
}

function rowsOf(element: Element, context: PageContext): { rows: Row[]; captions: Element[] } {
  const rows: Row[] = [];
  const captions: Element[] = [];
  const isNative = element.tagName === 'table';
  const walk = (parent: Element, inHead: boolean) => {
    for (const node of parent.childNodes) {
      if (!isElement(node) || !context.isShown(node)) continue;
      if (isRow(node)) {
        const cells = cellsOf(node, isNative, context);
        if (cells.length > 0) rows.push({ element: node, cells, inHead });
      } else if (node.tagName === 'caption') captions.push(node);
      else if (!isNative || /^t(?:head|body|foot)$/.test(node.tagName))
        walk(node, inHead || node.tagName === 'thead');
    }
  };
  walk(element, false);
  return { rows, captions };
}

/** Tables made of other elements are recognised by their roles (WAI-ARIA 1.2, table and grid). */
export function hasTableRole(element: Element): boolean {
  return /^(?:table|grid|treegrid)$/.test(attribute(element, 'role') ?? '');
}

function isRow(element: Element): boolean {
  return element.tagName === 'tr' || attribute(element, 'role') === 'row';
}

function cellsOf(row: Element, isNative: boolean, context: PageContext): Element[] {
  const cells: Element[] = [];
  for (const node of row.childNodes) {
    if (!isElement(node) || !context.isShown(node)) continue;
    const role = attribute(node, 'role') ?? '';
    if (/^t[dh]$/.test(node.tagName) || /^(?:cell|gridcell|columnheader|rowheader)$/.test(role))
      cells.push(node);
    else if (!isNative) cells.push(...cellsOf(node, isNative, context));
  }
  return cells;
}

function isLayout(
  element: Element,
  rows: readonly Row[],
  columns: number,
  context: PageContext,
): boolean {
  const role = attribute(element, 'role');
  if (role === 'presentation' || role === 'none') return true;
  // Headings make it a data table, whatever its cells contain.
  if (columns > 1 && rows.some(({ inHead, cells }) => inHead || cells.some(isHeading)))
    return false;
  const [first] = rows;
  if (columns <= 1 || (rows.length === 1 && !first?.cells.some(isHeading))) return true;
  const large = rows.filter(({ cells }) => cells.some((cell) => holdsLarge(cell, context)));
  return large.length * 2 > rows.length;
}

function isHeading(cell: Element): boolean {
  return cell.tagName === 'th' || /^(?:column|row)header$/.test(attribute(cell, 'role') ?? '');
}

function holdsLarge(element: Element, context: PageContext): boolean {
  if (!context.holdsBlock(element)) return false;
  return element.childNodes.some(
    (node) =>
      isElement(node) &&
      context.isShown(node) &&
      (tooLargeForCell.test(node.tagName) || holdsLarge(node, context)),
  );
}

/** Cells without blocks are put on one line; others become blocks of their own. */
function layoutRow(cells: readonly Element[], context: PageContext, flow: Flow): RootContent[] {
  if (cells.length > 1 && cells.every((cell) => !context.holdsBlock(cell))) {
    const children = cells.flatMap((cell, at) => {
      const content = phrasing(cell.childNodes, context);
      return at > 0 && content.length > 0 ? [text(' '), ...content] : content;
    });
    return children.length > 0 ? [{ type: 'paragraph', children }] : [];
  }
  return cells.flatMap((cell) => flow(cell, context));
}

/**
 * Gives every row the same number of cells. A short cell that spans several rows is repeated in each of
 * them.
 */
function gridOf(rows: readonly Row[], columns: number, context: PageContext): TableRow[] {
  const { allowance } = context;
  const down: { cell: PhrasingContent[]; length: number; rows: number }[] = [];
  const grid: TableRow[] = [];
  for (const { cells } of rows) {
    if (!allowance.takeCells(columns)) break;
    const line: PhrasingContent[][] = [];
    const fill = () => {
      for (
        let above = down[line.length];
        above && above.rows > 0 && line.length < columns;
        above = down[line.length]
      ) {
        above.rows -= 1;
        const isSaid = above.length <= maxRepeated && allowance.takeRepeated(above.length);
        line.push(isSaid ? above.cell : []);
      }
    };
    for (const cell of cells) {
      fill();
      if (line.length >= columns) break;
      const content = cellContent(cell, context);
      const wide = span(cell, 'colspan');
      const high = span(cell, 'rowspan');
      for (let at = 0; at < wide && line.length < columns; at += 1) {
        const here = at === 0 ? content : [];
        if (high > 1) down[line.length] = { cell: here, length: lengthOf(here), rows: high - 1 };
        line.push(here);
      }
    }
    fill();
    while (line.length < columns) line.push([]);
    grid.push({
      type: 'tableRow',
      children: line.map((children) => ({ type: 'tableCell', children })),
    });
  }
  return grid;
}

function cellContent(cell: Element, context: PageContext): PhrasingContent[] {
  const content: PhrasingContent[] = [];
  const space = whiteSpaceOf(cell, context.styles) ?? context.space;
  for (const each of phrasing(cell.childNodes, { ...context, space, inCell: true })) {
    if (each.type !== 'break') content.push(each);
    else if (content.at(-1)?.type !== 'html') content.push({ type: 'html', value: '<br>' });
  }
  return content;
}

/** The approximate length as Markdown. */
function lengthOf(content: readonly PhrasingContent[]): number {
  return content.reduce(
    (sum, each) =>
      sum +
      ('value' in each ? each.value.length : 0) +
      ('url' in each ? each.url.length : 0) +
      ('alt' in each ? (each.alt?.length ?? 0) : 0) +
      ('children' in each ? lengthOf(each.children) : 0),
    0,
  );
}

function span(cell: Element, name: 'colspan' | 'rowspan'): number {
  const stated = attribute(cell, name);
  if (stated === undefined) return 1;
  const value = Number.parseInt(stated, 10);
  return Number.isFinite(value) && value > 0
    ? Math.min(value, name === 'colspan' ? maxColumns : 1000)
    : 1;
}
