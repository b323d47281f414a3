/** A page's blocks as Markdown's (mdast): headings, paragraphs, lists, code, quotes, forms. */
import type {
  BlockContent,
  DefinitionContent,
  ListItem,
  PhrasingContent,
  RootContent,
} from 'mdast';
import { codeBlock, codeLines } from './code.ts';
import { isBlock, type PageContext, wordsOf } from './context.ts';
import { formLine } from './forms.ts';
import { attribute, type Element, isElement, isText, type Node } from './html-tree.ts';
import { oneLine, phrasing } from './inline.ts';
import { text } from './phrasing-list.ts';
import { isOnlyLineNumber } from './source-text.ts';
import { hasTableRole, table } from './table.ts';
import { whiteSpaceOf } from './white-space.ts';

/** Lists and quotes deeper than this are written without further indentation. */
const maxNesting = 12;

export function flow(element: Element, context: PageContext): RootContent[] {
  return flowOf(element.childNodes, context);
}

function flowOf(nodes: readonly Node[], context: PageContext): RootContent[] {
  const content: RootContent[] = [];
  let run: Node[] = [];
  let lines: Element[] = [];
  const endLines = () => {
    if (lines.length > 0) for (const each of codeLines(lines, context)) content.push(each);
    lines = [];
  };
  const endRun = () => {
    if (run.length > 0) for (const each of paragraphs(phrasing(run, context))) content.push(each);
    run = [];
  };
  for (const node of nodes) {
    if (isText(node)) {
      run.push(node);
      if (node.value.trim() !== '') endLines();
    } else if (isElement(node) && context.isShown(node) && !isOnlyLineNumber(node)) {
      if (isCodeLine(node, context)) {
        endRun();
        lines.push(node);
        continue;
      }
      endLines();
      if (isBlock(node)) {
        endRun();
        for (const each of block(node, context)) content.push(each);
      } else if (context.holdsBlock(node)) {
        endRun();
        if (isCard(node, context)) {
          for (const each of paragraphs(phrasing([node], context))) content.push(each);
          continue;
        }
        for (const each of flow(node, context)) content.push(each);
        const url = node.tagName === 'a' ? context.address(attribute(node, 'href')) : undefined;
        if (url)
          content.push({
            type: 'paragraph',
            children: [{ type: 'link', url, children: [{ type: 'text', value: url }] }],
          });
      } else run.push(node);
    }
  }
  endLines();
  endRun();
  return content;
}

/** A box of text that is laid out by its spaces. What holds headings, lists and the like is no such text. */
function isCodeLine(element: Element, context: PageContext): boolean {
  if (!isBlock(element) || /^(?:pre|h[1-6]|li|t[dhr]|table|form|textarea)$/.test(element.tagName))
    return false;
  return whiteSpaceOf(element, context.styles) === 'pre' && !holdsStructure(element, context);
}

function holdsStructure(element: Element, context: PageContext): boolean {
  if (!context.holdsBlock(element)) return false;
  return element.childNodes.some(
    (node) =>
      isElement(node) &&
      context.isShown(node) &&
      ((isBlock(node) && !/^(?:div|p)$/.test(node.tagName)) || holdsStructure(node, context)),
  );
}

/** A link around some blocks, as tiles on a dashboard are: one link with their words. */
function isCard(element: Element, context: PageContext): boolean {
  return (
    element.tagName === 'a' &&
    attribute(element, 'href') !== undefined &&
    wordsOf(element, context, 400).length < 300
  );
}

function block(element: Element, around: PageContext): RootContent[] {
  const { tagName } = element;
  const space = whiteSpaceOf(element, around.styles);
  const context = space === undefined || space === around.space ? around : { ...around, space };
  const level = headingLevel(element);
  if (level !== undefined) {
    const children = oneLine(element.childNodes, { ...context, inHeading: true });
    return children.length > 0 ? [{ type: 'heading', depth: level, children }] : [];
  }
  switch (tagName) {
    case 'hr':
      return [{ type: 'thematicBreak' }];
    case 'textarea':
      return [
        ...paragraphs(phrasing([element], { ...context, inCell: false })),
        ...codeLines([element], context),
      ];
    case 'pre':
    case 'listing':
    case 'plaintext':
    case 'xmp':
      return codeBlock(element, context);
    case 'ul':
    case 'ol':
    case 'menu':
    case 'dir':
      return list(element, context);
    case 'li':
      return list({ ...element, tagName: 'ul', childNodes: [element] }, context);
    case 'dl':
      return definitions(element, context);
    case 'blockquote': {
      const children = flow(element, deeper(context));
      return children.length === 0 || context.depth >= maxNesting
        ? children
        : [{ type: 'blockquote', children: children as BlockContent[] }];
    }
    case 'table':
      return table(element, context, flow);
    case 'form': {
      const inForm = { ...context, inForm: true };
      const line = formLine(element, context);
      const content = flow(element, inForm);
      return line && content.length > 0
        ? [{ type: 'paragraph', children: line }, ...content]
        : content;
    }
    case 'summary':
    case 'legend':
    case 'dt': {
      if (context.holdsBlock(element)) return flow(element, context);
      const children = oneLine(element.childNodes, { ...context, inHeading: true });
      return children.length > 0
        ? [{ type: 'paragraph', children: [{ type: 'strong', children }] }]
        : [];
    }
    default:
      if (hasTableRole(element) && context.holdsBlock(element))
        return table(element, context, flow);
      return flow(element, context);
  }
}

function headingLevel(element: Element): 1 | 2 | 3 | 4 | 5 | 6 | undefined {
  const named = /^h([1-6])$/.exec(element.tagName)?.[1];
  const role =
    attribute(element, 'role') === 'heading'
      ? (attribute(element, 'aria-level') ?? '2')
      : undefined;
  const level = Number.parseInt(named ?? role ?? '', 10);
  return level >= 1 && level <= 6 ? (level as 1 | 2 | 3 | 4 | 5 | 6) : undefined;
}

/** Two line breaks in a row are what people make paragraphs with. */
function paragraphs(content: readonly PhrasingContent[]): RootContent[] {
  const all: RootContent[] = [];
  let children: PhrasingContent[] = [];
  for (const [at, each] of content.entries()) {
    if (each.type !== 'break') children.push(each);
    else if (content[at + 1]?.type !== 'break') {
      if (content[at - 1]?.type === 'break') {
        if (children.length > 0) all.push({ type: 'paragraph', children });
        children = [];
      } else children.push(each);
    }
  }
  if (children.length > 0) all.push({ type: 'paragraph', children });
  return all;
}

function list(element: Element, context: PageContext): RootContent[] {
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
    add(flowOf(stray, inner));
    stray = [];
  };
  for (const node of element.childNodes) {
    const isList =
      isElement(node) && /^(?:ul|ol|menu|dir)$/.test(node.tagName) && context.isShown(node);
    if (isElement(node) && node.tagName === 'li') {
      if (!context.isShown(node)) continue;
      endStray();
      add(flow(node, inner), checkedState(node));
    } else if (isList && items.length > 0) {
      // A list straight inside a list: meant as part of the item above it.
      endStray();
      const above = items.at(-1);
      for (const each of list(node, inner) as (BlockContent | DefinitionContent)[])
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

/** A task list's item: it begins with a checkbox that has no name to send. */
function checkedState(item: Element): boolean | undefined {
  // Confluence's, which a style draws.
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

/** Terms and what is said of them, as a list: “**term**: …”. */
function definitions(element: Element, context: PageContext): RootContent[] {
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
      } else if (node.tagName === 'dd') end(flow(node, inner));
      else walk(node.childNodes);
    }
  };
  walk(element.childNodes);
  if (terms.length > 0) end([]);
  if (items.length === 0) return [];
  if (context.depth >= maxNesting) return items.flatMap(({ children }) => children);
  return [{ type: 'list', ordered: false, spread: false, children: items }];
}

function deeper(context: PageContext): PageContext {
  return { ...context, depth: context.depth + 1 };
}
