/** Lists, task lists and description lists. */
import type {
  BlockContent,
  DefinitionContent,
  ListItem,
  PhrasingContent,
  RootContent,
} from 'mdast';
import { attribute, type Element, isElement, isText, type Node } from '../tree/html-tree.ts';
import type { PageContext } from './context.ts';
import { oneLine } from './inline.ts';
import { text } from './phrasing-list.ts';

type Flow = (nodes: readonly Node[], context: PageContext) => RootContent[];

/** Lists and quotes nested deeper than this are written without further indentation. */
export const maxNesting = 12;

export function list(element: Element, context: PageContext, flow: Flow): RootContent[] {
  const inner = deeper(context);
  const items: ListItem[] = [];
  let stray: Node[] = [];
  const add = (children: RootContent[], checked?: boolean) => {
    if (children.length === 0) return;
    items.push({
      type: 'listItem',
      spread: false,
      ...(checked === undefined ? {} : { checked }),
      children: children as BlockContent[],
    });
  };
  const endStray = () => {
    if (stray.length > 0) add(flow(stray, inner));
    stray = [];
  };
  for (const node of element.childNodes) {
    const isList =
      isElement(node) && /^(?:ul|ol|menu|dir)$/.test(node.tagName) && context.isShown(node);
    if (isElement(node) && node.tagName === 'li') {
      if (!context.isShown(node)) continue;
      endStray();
      add(flow(node.childNodes, inner), checkedState(node));
    } else if (isList && items.length > 0) {
      // A list directly inside a list belongs to the item before it.
      endStray();
      const above = items.at(-1);
      for (const each of list(node, inner, flow) as (BlockContent | DefinitionContent)[])
        above?.children.push(each);
    } else stray.push(node);
  }
  endStray();
  if (items.length === 0) return [];
  if (context.depth >= maxNesting) return items.flatMap(({ children }) => children);
  const start = Number.parseInt(attribute(element, 'start') ?? '1', 10);
  const ordered = element.tagName === 'ol';
  return [
    {
      type: 'list',
      ordered,
      spread: false,
      ...(ordered && start >= 0 && start < 1e9 ? { start } : {}),
      children: items,
    },
  ];
}

/** The state of a task list's item, which begins with a checkbox without a name. */
function checkedState(item: Element): boolean | undefined {
  // In Confluence, the checkbox is drawn by a style.
  const list = item.parentNode;
  if (list && isElement(list) && /\binline-task-list\b/.test(attribute(list, 'class') ?? ''))
    return /(?:^|\s)checked(?:\s|$)/.test(attribute(item, 'class') ?? '');
  const first = item.childNodes.find(
    (node) => isElement(node) || (isText(node) && node.value.trim() !== ''),
  );
  const holder =
    first && isElement(first) && (first.tagName === 'label' || first.tagName === 'p')
      ? first.childNodes.find(isElement)
      : first;
  if (!holder || !isElement(holder) || holder.tagName !== 'input') return undefined;
  if (attribute(holder, 'type')?.toLowerCase() !== 'checkbox' || attribute(holder, 'name'))
    return undefined;
  return attribute(holder, 'checked') !== undefined;
}

/** Terms and their descriptions, as a list: “**term**: …”. */
export function definitions(element: Element, context: PageContext, flow: Flow): RootContent[] {
  const inner = deeper(context);
  const items: ListItem[] = [];
  let terms: PhrasingContent[] = [];
  const end = (content: RootContent[]) => {
    const [first, ...rest] = content;
    if (terms.length === 0 && content.length === 0) return;
    const term: PhrasingContent[] = terms.length > 0 ? [{ type: 'strong', children: terms }] : [];
    const last = terms.at(-1);
    const hasColon = last?.type === 'text' && last.value.endsWith(':');
    const colon =
      terms.length > 0 && first?.type === 'paragraph' ? [text(hasColon ? ' ' : ': ')] : [];
    const line = [...term, ...colon, ...(first?.type === 'paragraph' ? first.children : [])];
    const blocks = first?.type === 'paragraph' ? rest : content;
    const children = [
      ...(line.length > 0 ? [{ type: 'paragraph' as const, children: line }] : []),
      ...blocks,
    ];
    items.push({ type: 'listItem', spread: false, children: children as BlockContent[] });
    terms = [];
  };
  const walk = (nodes: readonly Node[]) => {
    for (const node of nodes) {
      if (!isElement(node) || !context.isShown(node)) continue;
      if (node.tagName === 'dt') {
        const words = oneLine(node.childNodes, { ...context, inHeading: true });
        if (terms.length > 0 && words.length > 0) terms.push(text(', '));
        for (const each of words) terms.push(each);
      } else if (node.tagName === 'dd') end(flow(node.childNodes, inner));
      else walk(node.childNodes);
    }
  };
  walk(element.childNodes);
  if (terms.length > 0) end([]);
  if (items.length === 0) return [];
  if (context.depth >= maxNesting) return items.flatMap(({ children }) => children);
  return [{ type: 'list', ordered: false, spread: false, children: items }];
}

export function deeper(context: PageContext): PageContext {
  return { ...context, depth: context.depth + 1 };
}
