/** Formats rows as columns, for people. Colours are added after the widths are known. */
import type { Pen, Style } from './shell.ts';

export interface Cell {
  readonly text: string;
  readonly style?: Style;
}

export function table(
  pen: Pen,
  head: readonly string[],
  rows: readonly (readonly Cell[])[],
): string[] {
  const widths = head.map((name, column) =>
    Math.max(name.length, ...rows.map((row) => row[column]?.text.length ?? 0)),
  );
  const line = (cells: readonly Cell[]) =>
    cells
      .map(({ text, style }, column) => {
        const last = column === cells.length - 1;
        const padded = last ? text : text.padEnd(widths[column] ?? 0);
        return style === undefined ? padded : pen.paint(style, padded);
      })
      .join('  ')
      .trimEnd();
  return [line(head.map((text) => ({ text, style: 'bold' as const }))), ...rows.map(line)];
}
