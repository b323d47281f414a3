/**
 * Lists of Markdown's phrasing content (mdast): appending, trimming, wrapping in a mark. Knows nothing
 * about HTML.
 */
import type { PhrasingContent } from 'mdast';

export function text(value: string): PhrasingContent {
  return { type: 'text', value };
}

/** Markdown allows no white space directly inside marks, so it is moved outside. */
export function around(
  type: 'strong' | 'emphasis' | 'delete',
  list: PhrasingContent[],
): PhrasingContent[] {
  if (!hasWords(list)) return list;
  // A mark within the same mark adds nothing, so it is flattened.
  const flat = list.some((each) => each.type === type)
    ? list.flatMap((each) => (each.type === type ? each.children : [each]))
    : list;
  const first = flat[0];
  const last = flat.at(-1);
  const before = first?.type === 'break' ? [first] : edge(first, /^[ \u00a0]+/);
  const after = last?.type === 'break' ? [last] : edge(last, /[ \u00a0]+$/);
  const children = withoutEdges(trimmed(flat), /^[ \u00a0]+/).map((each) =>
    each.type === 'break' ? text(' ') : each,
  );
  return [...before, { type, children }, ...after];
}

function isMark({ type }: PhrasingContent): boolean {
  return type === 'strong' || type === 'emphasis' || type === 'delete';
}

/** The text at the node's beginning (0) or end (-1), looking through marks. */
function edgeText(node: PhrasingContent, at: 0 | -1): string {
  if (node.type === 'text') return node.value;
  const inside = isMark(node) && 'children' in node ? node.children.at(at) : undefined;
  return inside ? edgeText(inside, at) : '';
}

function edge(node: PhrasingContent | undefined, space: RegExp): PhrasingContent[] {
  const found = node?.type === 'text' ? space.exec(node.value)?.[0] : undefined;
  return found ? [text(found)] : [];
}

/**
 * Texts longer than this are not extended any more, because each check of their end costs their length.
 */
const maxJoinedLength = 10_000;

/**
 * Joins adjacent texts, so that white space is collapsed across elements, and adjacent marks of the same
 * kind.
 */
export function append(list: PhrasingContent[], node: PhrasingContent): void {
  if (node.type === 'text') {
    appendText(list, node.value);
    return;
  }
  const last = list.at(-1);
  if (node.type === 'break' && last?.type === 'text') {
    last.value = last.value.trimEnd();
    if (last.value === '') list.pop();
  }
  if (isMark(node) && last?.type === 'text' && /[\p{L}\p{N}]$/u.test(last.value)) {
    // A mark that begins with punctuation directly after a letter could only be written with a character
    // reference.
    if (/^\p{P}/u.test(edgeText(node, 0))) last.value += ' ';
  }
  if (
    (node.type === 'strong' || node.type === 'emphasis' || node.type === 'delete') &&
    last?.type === node.type
  ) {
    for (const child of node.children) append(last.children, child);
    return;
  }
  list.push(node);
}

export function appendText(list: PhrasingContent[], words: string): void {
  const last = list.at(-1);
  const value =
    last?.type === 'break' || (last?.type === 'text' && last.value.endsWith(' '))
      ? words.replace(/^ +/, '')
      : words;
  if (value === '') return;
  const isGlued =
    last && isMark(last) && /^[\p{L}\p{N}]/u.test(value) && /\p{P}$/u.test(edgeText(last, -1));
  if (isGlued) list.push({ type: 'text', value: ` ${value}` });
  else if (last?.type === 'text' && last.value.length < maxJoinedLength) last.value += value;
  else list.push({ type: 'text', value });
}

export function trimmed(list: readonly PhrasingContent[]): PhrasingContent[] {
  let from = 0;
  let to = list.length;
  while (from < to && isBlank(list[from])) from += 1;
  while (to > from && isBlank(list[to - 1])) to -= 1;
  return withoutEdges(list.slice(from, to), /^ +/);
}

/**
 * Removes white space at both ends of `list`, which it changes. Leading no-break spaces are indentation
 * and are removed only inside marks.
 */
function withoutEdges(list: PhrasingContent[], leading: RegExp): PhrasingContent[] {
  const first = list[0];
  if (first?.type === 'text' && leading.test(first.value))
    list[0] = text(first.value.replace(leading, ''));
  const last = list.at(-1);
  if (last?.type === 'text') {
    const value = last.value.trimEnd();
    if (value.length < last.value.length) list[list.length - 1] = text(value);
  }
  return list;
}

function isBlank(node: PhrasingContent | undefined): boolean {
  return node?.type === 'break' || (node?.type === 'text' && node.value.trim() === '');
}

export function hasWords(list: readonly PhrasingContent[]): boolean {
  return list.some(
    (each) => each.type !== 'break' && !(each.type === 'text' && each.value.trim() === ''),
  );
}
