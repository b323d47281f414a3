/** Converts inline content to Markdown's phrasing content (mdast), the content of paragraphs. */
import type { PhrasingContent } from 'mdast';
import { attribute, type Element, isElement, isText, type Node } from '../tree/html-tree.ts';
import { numberOf, rowsInside } from './cell-lines.ts';
import { collapse, holdsLines, isBlock, type PageContext, spokenName, wordsOf } from './context.ts';
import { control, isControl } from './forms.ts';
import { codeOf, inlineLines } from './inline-code.ts';
import { append, appendText, around, hasWords, text, trimmed } from './phrasing-list.ts';
import { embedded, image, spoken } from './pictures.ts';
import { keptSpaces, whiteSpaceOf } from './white-space.ts';

/**
 * Trimmed, with a `break` wherever a line or block began. Consecutive breaks are kept, so that the caller
 * can form paragraphs.
 */
export function phrasing(nodes: readonly Node[], context: PageContext): PhrasingContent[] {
  return trimmed(collect(nodes, context));
}

/** The same on one line: breaks become spaces. */
export function oneLine(nodes: readonly Node[], context: PageContext): PhrasingContent[] {
  const line: PhrasingContent[] = [];
  for (const each of phrasing(nodes, context))
    append(line, each.type === 'break' ? text(' ') : each);
  return trimmed(line);
}

function collect(nodes: readonly Node[], context: PageContext): PhrasingContent[] {
  const list: PhrasingContent[] = [];
  for (const node of nodes) {
    if (isText(node)) appendWords(list, node.value, context);
    else if (isElement(node) && context.isShown(node)) {
      const block = isBlock(node);
      if (block && list.length > 0) append(list, { type: 'break' });
      const space = whiteSpaceOf(node, context.styles) ?? context.space;
      const inside = space === context.space ? context : { ...context, space };
      for (const each of convert(node, inside)) {
        // With nested elements, each level handles the result of the level below, so the time is checked
        // here too.
        context.allowance.look();
        append(list, each);
      }
      if (block) append(list, { type: 'break' });
    }
  }
  return list;
}

function appendWords(
  list: PhrasingContent[],
  value: string,
  { space, conceal }: PageContext,
): void {
  if (space === 'normal') {
    appendText(list, collapse(conceal(value)));
    return;
  }
  for (const [at, line] of conceal(value).split(/\r?\n/).entries()) {
    if (at > 0) append(list, { type: 'break' });
    appendText(list, space === 'lines' ? collapse(line) : keptSpaces(line));
  }
}

function convert(element: Element, context: PageContext): PhrasingContent[] {
  const inside = () => collect(element.childNodes, context);
  if (isControl(element)) {
    const field = control(element, context);
    return context.inCell && holdsLines(element)
      ? [...field, { type: 'break' }, ...inlineLines(element, context)]
      : field;
  }
  switch (element.tagName) {
    case 'pre':
    case 'listing':
    case 'plaintext':
    case 'xmp':
      return inlineLines(element, context);
    case 'table':
      return rowsInside(element, context, collect);
    case 'h1':
    case 'h2':
    case 'h3':
    case 'h4':
    case 'h5':
    case 'h6':
    case 'dt':
      return context.inCell && !context.inHeading ? marked('strong', element, context) : inside();
    case 'li':
      return context.inCell ? [...numberOf(element), ...trimmed(inside())] : inside();
    case 'br':
      return [{ type: 'break' }];
    case 'wbr':
    case 'rp':
    case 'area':
      return [];
    case 'a':
      return link(element, context);
    case 'img':
      return image(element, context);
    case 'svg':
    case 'math':
      return spoken(element, context);
    case 'iframe':
    case 'embed':
    case 'object':
    case 'video':
    case 'audio':
      return embedded(element, context);
    case 'b':
    case 'strong':
      return context.inHeading ? inside() : marked('strong', element, context);
    case 'i':
    case 'em':
    case 'cite':
    case 'dfn':
    case 'var': {
      const words = marked('emphasis', element, context);
      return hasWords(words) ? words : spoken(element, context);
    }
    case 'del':
    case 's':
    case 'strike':
      return marked('delete', element, context);
    case 'code':
    case 'kbd':
    case 'samp':
    case 'tt':
      return code(element, context);
    case 'label':
      // A label around its field becomes a line of the form; a label beside its field stays on the field's
      // line.
      return context.inForm && holds(element, ['input', 'select', 'textarea'])
        ? [{ type: 'break' }, ...inside(), { type: 'break' }]
        : inside();
    case 'q':
      return [text('“'), ...trimmed(inside()), text('”')];
    case 'rt':
      return [text(' ('), ...trimmed(inside()), text(')')];
    case 'sup': {
      const words = wordsOf(element, context, 20);
      return /^[-+−]?[\dn]{1,4}$/.test(words) && !holds(element, ['a'])
        ? [text(`^${words}`)]
        : inside();
    }
    default: {
      const words = inside();
      return words.length === 0 && attribute(element, 'role') === 'img'
        ? spoken(element, context)
        : words;
    }
  }
}

function link(element: Element, context: PageContext): PhrasingContent[] {
  const words = () => wordsOf(element, context, 200);
  const line = oneLine(element.childNodes, context);
  const [first] = line;
  // Drops a picture whose name repeats the link's text, as a person's avatar often does.
  const isRepeated = line.length > 1 && first?.type === 'text' && first.value.trim() === words();
  const named = isRepeated ? line.slice(1) : line;
  const inside = named.some(({ type }) => type === 'link')
    ? named.flatMap((each) => (each.type === 'link' ? each.children : [each]))
    : named;
  const reference = attribute(element, 'href');
  if (context.inHeading && /^[#¶§🔗\s]*$/u.test(words()) && !holds(element, ['img'])) return [];
  if (reference?.trim().startsWith('#'))
    return /^skip (?:to|over)\b/i.test(words()) ? [] : keepEdges(element, inside);
  const url = reference === undefined ? undefined : context.address(reference);
  if (url === undefined) return keepEdges(element, inside);
  if (inside.length === 0) {
    const name = spokenName(element, context);
    if (name === '') return [];
    inside.push(text(name));
  }
  return keepEdges(element, [{ type: 'link', url, children: inside as never }]);
}

/** White space at the inner edge of an element separates words just like white space outside. */
function keepEdges(element: Element, content: PhrasingContent[]): PhrasingContent[] {
  const first = element.childNodes[0];
  const last = element.childNodes.at(-1);
  const isBefore = first && isText(first) && /^\s/.test(first.value);
  const isAfter = last && isText(last) && /\s$/.test(last.value);
  if (!isBefore && !isAfter) return content;
  return [...(isBefore ? [text(' ')] : []), ...content, ...(isAfter ? [text(' ')] : [])];
}

function code(element: Element, context: PageContext): PhrasingContent[] {
  if (holds(element, ['a'])) {
    return collect(element.childNodes, context).map((each): PhrasingContent => {
      if (each.type === 'text' && each.value.trim() !== '')
        return { type: 'inlineCode', value: each.value };
      if (each.type !== 'link') return each;
      return { ...each, children: [{ type: 'inlineCode', value: wordsInside(each) }] };
    });
  }
  return keepEdges(element, codeOf(element, context));
}

function holds(element: Element, tags: readonly string[], depth = 0): boolean {
  if (depth > 8) return false;
  return element.childNodes.some(
    (node) => isElement(node) && (tags.includes(node.tagName) || holds(node, tags, depth + 1)),
  );
}

function wordsInside(node: PhrasingContent): string {
  if ('value' in node) return node.value;
  return 'children' in node ? node.children.map(wordsInside).join('') : '';
}

function marked(
  type: 'strong' | 'emphasis' | 'delete',
  element: Element,
  context: PageContext,
): PhrasingContent[] {
  if (context.marks.includes(type)) return collect(element.childNodes, context);
  const marks = [...context.marks, type];
  return around(type, collect(element.childNodes, { ...context, marks }));
}
