/**
 * Code and diffs shown as a table with one row per line (GitHub, GitLab, Gitea, Bitbucket): extracts the
 * lines without their numbers, and adds the signs that a style would draw.
 */
import type { RootContent } from 'mdast';
import { attribute, type Element, isElement, type Node } from '../tree/html-tree.ts';
import { code, languageOf } from './code.ts';
import type { PageContext } from './context.ts';
import { isLineNumber, sourceOf } from './source-text.ts';
import { whiteSpaceOf } from './white-space.ts';

export type Flow = (element: Element, context: PageContext) => RootContent[];

export interface Row {
  readonly element: Element;
  readonly cells: readonly Element[];
  readonly inHead: boolean;
}

/** A row of such a table: code, or something between the lines, such as a review comment. */
export type Line =
  | { readonly code: readonly Element[]; readonly row: Row }
  | { readonly other: Row };

const codeNames =
  /(?:^|\s)(?:blob-code(?:-inner)?|lines-code|line_content|line-content|code-inner|js-file-line|diff-text|diff-code|code-cell|line-code|codeline|content-code)(?:\s|$)/;
const hunkNames = /(?:^|\s)(?:blob-code-hunk|tag-code|hunk|match|diff-hunk)(?:\s|$)/;
const added =
  /(?:^|\s)(?:blob-code-addition|addition|add-code|add|added|ins|insert|inserted|new|line-added)(?:\s|$)/;
const removed =
  /(?:^|\s)(?:blob-code-deletion|deletion|del-code|del|deleted|delete|removed|remove|old|line-removed)(?:\s|$)/;
const markers = ['data-code-marker', 'data-type-marker', 'data-diff-marker'];

/** `undefined` for a table that does not show code. */
export function linesOfCode(rows: readonly Row[], context: PageContext): Line[] | undefined {
  const numbered = rows.filter(({ cells }) => cells.some((cell) => holdsNumber(cell)));
  if (numbered.length * 2 < rows.length || rows.length === 0) return undefined;
  const lines = rows.map((row): Line => {
    const cells = row.cells.filter((cell) => isCode(cell, context));
    return cells.length > 0 ? { code: cells, row } : { other: row };
  });
  const found = lines.filter((line) => 'code' in line);
  // A single row that contains all lines is converted as its content, with its language.
  const isOneBox =
    rows.length === 1 && found.some(({ code: [cell] }) => cell && holds(cell, 'pre'));
  return found.length * 2 > rows.length && !isOneBox ? lines : undefined;
}

export function codeRows(
  lines: readonly Line[],
  table: Element,
  context: PageContext,
  flow: Flow,
): RootContent[] {
  const isDiff = lines.some(
    (line) => 'code' in line && line.code.some((cell) => signOf(cell, line.row) !== ''),
  );
  const lang = isDiff ? 'diff' : languageOf(table);
  const blocks: RootContent[] = [];
  let written: string[] = [];
  const end = () => {
    for (const each of code(written.join('\n').trimEnd(), lang)) blocks.push(each);
    written = [];
  };
  for (const line of lines) {
    if ('other' in line) {
      const words = line.other.cells.flatMap((cell) =>
        holdsNumber(cell) ? [] : flow(cell, context),
      );
      if (words.length === 0) continue;
      end();
      for (const each of words) blocks.push(each);
      continue;
    }
    const { row } = line;
    const shown = line.code.map((cell) => ({
      sign: signOf(cell, row),
      text: lineOf(cell, context),
    }));
    const isHunk =
      hunkNames.test(namesOf(row.element)) ||
      line.code.some((cell) => hunkNames.test(namesOf(cell)));
    if (isHunk) {
      written.push(
        shown
          .map(({ text }) => text.trim())
          .filter((text) => text !== '')
          .join(' '),
      );
      continue;
    }
    // In a side-by-side view, unchanged lines occur twice, and an empty side is not a line.
    const sides = shown.filter(
      ({ text, sign }) => shown.length === 1 || text !== '' || sign !== '',
    );
    const [left, right] = sides;
    const isSame = sides.length === 2 && left?.sign === '' && right?.sign === '';
    for (const { sign, text } of isSame ? sides.slice(0, 1) : sides) {
      written.push(isDiff ? `${sign || ' '}${text}` : text);
    }
  }
  end();
  return blocks;
}

/** Line breaks within a cell are only layout: the cell is one line. */
function lineOf(cell: Element, context: PageContext): string {
  return sourceOf(cell, context)
    .replace(/^\n+|\n+$/g, '')
    .replaceAll('\n', ' ');
}

function holdsNumber(cell: Element): boolean {
  if (isLineNumber(cell) || /^L\d+$/.test(attribute(cell, 'id') ?? '')) return true;
  const inside = cell.childNodes.filter(isElement);
  return inside.length > 0 && inside.every((each) => isLineNumber(each));
}

function isCode(cell: Element, context: PageContext): boolean {
  if (holdsNumber(cell)) return false;
  if (codeNames.test(namesOf(cell)) || hunkNames.test(namesOf(cell))) return true;
  if (whiteSpaceOf(cell, context.styles) === 'pre') return true;
  const inside = cell.childNodes.filter(isElement).filter((each) => context.isShown(each));
  const [only] = inside;
  return inside.length === 1 && only !== undefined && /^(?:code|pre)$/.test(only.tagName);
}

/**
 * `+`, `-` or nothing. A sign that is only known from a class name is not added to a line that already
 * shows it.
 */
function signOf(cell: Element, { element, cells }: Row): string {
  for (const near of [cell, cells[cells.indexOf(cell) - 1]]) {
    const drawn = near && (near === cell || isMarker(near)) ? markerIn(near) : undefined;
    if (drawn !== undefined) return drawn.trim();
  }
  const names =
    cells.length > 2 && codeCells(cells) > 1
      ? namesOf(cell)
      : `${namesOf(element)} ${namesOf(cell)}`;
  const sign = added.test(names) ? '+' : removed.test(names) ? '-' : '';
  return sign !== '' && beginning(cell) === sign ? '' : sign;
}

function codeCells(cells: readonly Element[]): number {
  return cells.filter((cell) => codeNames.test(namesOf(cell))).length;
}

function isMarker(cell: Element): boolean {
  return markerIn(cell) !== undefined && !codeNames.test(namesOf(cell));
}

function markerIn(element: Element, depth = 0): string | undefined {
  for (const name of markers) {
    const value = attribute(element, name);
    if (value !== undefined) return value;
  }
  if (depth > 2) return undefined;
  for (const node of element.childNodes) {
    const found = isElement(node) ? markerIn(node, depth + 1) : undefined;
    if (found !== undefined) return found;
  }
  return undefined;
}

function beginning(element: Element): string {
  const [first] = element.childNodes;
  if (!first) return '';
  return isElement(first) ? beginning(first) : 'value' in first ? first.value.slice(0, 1) : '';
}

function holds(element: Element, tag: string): boolean {
  return element.childNodes.some(
    (node: Node) => isElement(node) && (node.tagName === tag || holds(node, tag)),
  );
}

function namesOf(element: Element): string {
  return (attribute(element, 'class') ?? '').slice(0, 500);
}
