/** Writes Markdown's tree (mdast) as text, with mdast-util-to-markdown, in bounded time. */
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
import { type Allowance, createAllowance, unlessTooCostly } from '../allowance.ts';
import { quickHandlers } from './quick-handlers.ts';
import { simplifiedMarks } from './simplified-marks.ts';

const blocksAtOnce = 100;

/**
 * Writes as many blocks as the time allows; `undefined` when not even the first batch could be written.
 */
export function write(
  blocks: RootContent[],
  budgetMs: number,
): { markdown: string; complete: boolean } | undefined {
  const parts: string[] = [];
  const allowance = createAllowance(budgetMs);
  for (let at = 0; at < blocks.length; at += blocksAtOnce) {
    const root: Root = { type: 'root', children: blocks.slice(at, at + blocksAtOnce) };
    const part = unlessTooCostly(() => toMarkdown(root, optionsFor(root, allowance)).trim());
    if (part === undefined)
      return at === 0 ? undefined : { markdown: parts.join('\n\n'), complete: false };
    parts.push(part);
  }
  return { markdown: parts.join('\n\n'), complete: true };
}

const extensions: readonly Options[] = [
  // Aligning columns would cost rows × the widest cell.
  gfmTableToMarkdown({ tablePipeAlign: false }),
  gfmStrikethroughToMarkdown(),
  gfmTaskListItemToMarkdown(),
];

type Handler = Handle & { readonly attention?: Attention };

const slow = Object.assign({}, defaultHandlers, ...extensions.map((each) => each.handlers));
const handlers: Readonly<Record<string, Handler>> = quickHandlers(slow);

/**
 * Handlers that check the time before and after writing, because marks nest and each reads its content
 * again.
 */
function optionsFor(root: Root, { look }: Allowance): Options {
  const simplified = simplifiedMarks(root);
  const within = ([name, handle]: [string, Handler]): [string, Handler] => {
    const looking: Handle = (node, parent, state, info) => {
      look();
      const written = handle(node, parent, state, info);
      look();
      return written;
    };
    const { attention } = handle;
    if (!attention) return [name, Object.assign(looking, handle)];
    const marking: Attention = (node, state) => {
      look();
      const { construct, markers, sizes } = attention(node, state);
      return simplified.has(node)
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
