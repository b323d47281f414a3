/** Converts a page's blocks to Markdown's (mdast): headings, paragraphs, lists, code, quotes, forms. */
import type { BlockContent, PhrasingContent, RootContent } from 'mdast';
import { attribute, type Element, isElement, isText, type Node } from '../tree/html-tree.ts';
import { codeBlock, codeLines } from './code.ts';
import { isBlock, type PageContext, wordsOf } from './context.ts';
import { formLine } from './forms.ts';
import { oneLine, phrasing } from './inline.ts';
import { deeper, definitions, list, maxNesting } from './lists.ts';
import { isOnlyLineNumber } from './source-text.ts';
import { hasTableRole, table } from './table.ts';
import { whiteSpaceOf } from './white-space.ts';

export function flow(element: Element, context: PageContext): RootContent[] {
  return flowOf(element.childNodes, context);
}

function flowOf(nodes: readonly Node[], context: PageContext): RootContent[] {
  const content: RootContent[] = [];
  let run: Node[] = [];
  // Most runs are the white space between two blocks, which becomes nothing.
  let isBlankRun = true;
  let lines: Element[] = [];
  const endLines = () => {
    if (lines.length > 0) for (const each of codeLines(lines, context)) content.push(each);
    lines = [];
  };
  const endRun = () => {
    if (!isBlankRun) for (const each of paragraphs(phrasing(run, context))) content.push(each);
    run = [];
    isBlankRun = true;
  };
  for (const node of nodes) {
    if (isText(node)) {
      run.push(node);
      if (node.value.trim() === '') continue;
      isBlankRun = false;
      endLines();
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
      } else {
        run.push(node);
        isBlankRun = false;
      }
    }
  }
  endLines();
  endRun();
  return content;
}

/**
 * Whether a block's layout depends on its spaces. Blocks with headings, lists and the like do not count.
 */
function isCodeLine(element: Element, context: PageContext): boolean {
  return (
    whiteSpaceOf(element, context.styles) === 'pre' &&
    isBlock(element) &&
    !/^(?:pre|h[1-6]|li|t[dhr]|table|form|textarea)$/.test(element.tagName) &&
    !holdsStructure(element, context)
  );
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

/** A link around a few blocks, such as a dashboard tile; it becomes one link with their text. */
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
      return list(element, context, flowOf);
    case 'li':
      return list({ ...element, tagName: 'ul', childNodes: [element] }, context, flowOf);
    case 'dl':
      return definitions(element, context, flowOf);
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
  if (named === undefined && attribute(element, 'role') !== 'heading') return undefined;
  const level = Number.parseInt(named ?? attribute(element, 'aria-level') ?? '2', 10);
  return level >= 1 && level <= 6 ? (level as 1 | 2 | 3 | 4 | 5 | 6) : undefined;
}

/** Two consecutive line breaks separate paragraphs. */
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
