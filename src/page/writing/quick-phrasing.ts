/**
 * Writes the content of a paragraph, heading or cell in which each mark wraps plain words and none is
 * adjacent to another. Such marks are valid whatever is around them (CommonMark §6.2), so that the
 * library's repeated attempts are unnecessary.
 */
import type { Nodes, PhrasingContent } from 'mdast';
import type { Handle, Info, State } from 'mdast-util-to-markdown';
import { isPlainText } from './plain-text.ts';

type Handlers = Readonly<Record<string, Handle & { readonly peek?: Handle }>>;

/** Text with punctuation at its ends, or with characters to be escaped, is left to the library. */
const plainWords = /^[\p{L}\p{N}](?:[^\t\r\n!#&*<>[\\\]_`|~]*[\p{L}\p{N}])?$/u;

/** `undefined` for content that is not this simple. */
export function quickPhrasing(
  parent: Nodes,
  state: State,
  info: Info,
  handlers: Handlers,
): string | undefined {
  const children = 'children' in parent ? (parent.children as PhrasingContent[]) : [];
  if (!children.every((child, at) => isPlain(child, children[at + 1]))) return undefined;
  // Each by its name, because to copy the whole of it took a fifth of all the writing.
  const { now, lineShift } = info;
  let written = '';
  let { before } = info;
  for (let at = 0; at < children.length; at += 1) {
    const child = children[at] as PhrasingContent;
    const next = children[at + 1];
    const after = next ? firstOf(next, parent, state, info, handlers) : info.after;
    const value =
      child.type === 'text' && isPlainText(child.value, before, after)
        ? child.value
        : (markedWords(child) ??
          state.handle(child, parent as never, state, { now, lineShift, before, after }));
    if (value === '') continue;
    written += value;
    before = value.slice(-1);
  }
  return written;
}

function isPlain(child: PhrasingContent, next: PhrasingContent | undefined): boolean {
  if (child.type === 'delete' || child.type === 'html')
    return child.type === 'html' && child.value === '<br>';
  if (child.type !== 'strong' && child.type !== 'emphasis') return true;
  const [only, ...others] = child.children;
  if (next?.type === 'strong' || next?.type === 'emphasis' || next?.type === 'delete') return false;
  return only?.type === 'text' && others.length === 0 && plainWords.test(only.value);
}

function markedWords(child: PhrasingContent): string | undefined {
  if (child.type !== 'strong' && child.type !== 'emphasis') return undefined;
  const [words] = child.children;
  const mark = child.type === 'strong' ? '**' : '*';
  return words?.type === 'text' ? `${mark}${words.value}${mark}` : undefined;
}

function firstOf(
  next: PhrasingContent,
  parent: Nodes,
  state: State,
  { now, lineShift }: Info,
  handlers: Handlers,
): string {
  if (next.type === 'strong' || next.type === 'emphasis') return '*';
  const handle = handlers[next.type];
  if (!handle) return '';
  const peek = handle.peek ?? handle;
  const info = { now, lineShift, before: '', after: '' };
  return peek(next, parent as never, state, info).slice(0, 1);
}
