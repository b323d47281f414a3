/** The inside of paragraphs: an HTML element's inline content as Markdown's phrasing content (mdast). */
import type { PhrasingContent } from 'mdast';
import {
  collapse,
  fetched,
  holdsLines,
  isBlock,
  type PageContext,
  spokenName,
  wordsOf,
} from './context.ts';
import { control, isControl } from './forms.ts';
import { attribute, type Element, isElement, isText, type Node } from './html-tree.ts';
import { append, around, hasWords, text, trimmed } from './phrasing-list.ts';
import { sourceOf } from './source-text.ts';
import { keptSpaces, whiteSpaceOf } from './white-space.ts';

/**
 * Trimmed; `break` stands where a line or a block began. Consecutive breaks are kept, for the caller to
 * make paragraphs of.
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
    if (isText(node)) for (const each of words(node.value, context)) append(list, each);
    else if (isElement(node) && context.isShown(node)) {
      const block = isBlock(node);
      if (block && list.length > 0) append(list, { type: 'break' });
      const space = whiteSpaceOf(node, context.styles) ?? context.space;
      const inside = space === context.space ? context : { ...context, space };
      for (const each of convert(node, inside)) {
        // Elements nest, and each takes over what the one inside it made.
        context.allowance.look();
        append(list, each);
      }
      if (block) append(list, { type: 'break' });
    }
  }
  return list;
}

function words(value: string, { space, conceal }: PageContext): PhrasingContent[] {
  if (space === 'normal') return [text(collapse(conceal(value)))];
  return conceal(value)
    .split(/\r?\n/)
    .flatMap((line, at): PhrasingContent[] => [
      ...(at > 0 ? [{ type: 'break' as const }] : []),
      text(space === 'lines' ? collapse(line) : keptSpaces(line)),
    ]);
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
      return rowsInside(element, context);
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
      // A label around its field is a line of the form; one beside it goes on with it.
      return context.inForm && holds(element, 'input|select|textarea')
        ? [{ type: 'break' }, ...inside(), { type: 'break' }]
        : inside();
    case 'q':
      return [text('“'), ...trimmed(inside()), text('”')];
    case 'rt':
      return [text(' ('), ...trimmed(inside()), text(')')];
    case 'sup': {
      const words = wordsOf(element, context, 20);
      return /^[-+−]?[\dn]{1,4}$/.test(words) && !holds(element, 'a')
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
  const words = wordsOf(element, context, 200);
  const [first, ...rest] = oneLine(element.childNodes, context);
  // A person's picture is named as they are.
  const isRepeated = rest.length > 0 && first?.type === 'text' && first.value.trim() === words;
  const inside = (isRepeated || !first ? rest : [first, ...rest]).flatMap((each) =>
    each.type === 'link' ? each.children : [each],
  );
  const reference = attribute(element, 'href');
  if (context.inHeading && /^[#¶§🔗\s]*$/u.test(words) && !holds(element, 'img')) return [];
  if (reference?.trim().startsWith('#'))
    return /^skip (?:to|over)\b/i.test(words) ? [] : keepEdges(element, inside);
  const url = reference === undefined ? undefined : context.address(reference);
  if (url === undefined) return keepEdges(element, inside);
  const name = spokenName(element, context);
  const children = inside.length > 0 ? inside : name === '' ? [] : [text(name)];
  if (children.length === 0) return [];
  return keepEdges(element, [{ type: 'link', url, children: children as never }]);
}

/** White space at the inner edge of an element separates words as much as outside it. */
function keepEdges(element: Element, content: PhrasingContent[]): PhrasingContent[] {
  const first = element.childNodes[0];
  const last = element.childNodes.at(-1);
  return [
    ...(first && isText(first) && /^\s/.test(first.value) ? [text(' ')] : []),
    ...content,
    ...(last && isText(last) && /\s$/.test(last.value) ? [text(' ')] : []),
  ];
}

function image(element: Element, context: PageContext): PhrasingContent[] {
  const alt = spokenName(element, context);
  const isPixel = ['width', 'height'].some((side) =>
    /^[01](?:px)?$/.test(attribute(element, side) ?? ''),
  );
  const isDecoration = attribute(element, 'alt') === '' || isPixel;
  const url =
    context.address(attribute(element, 'src'), fetched) ??
    context.address(attribute(element, 'data-src'), fetched);
  if (isDecoration || (alt === '' && url === undefined)) return [];
  // In a list of icons the words are what counts; a picture without a URL is its words.
  const isIcon = ['width', 'height'].some(
    (side) => Number.parseInt(attribute(element, side) ?? '', 10) <= 32,
  );
  if (url === undefined || isIcon) return alt === '' ? [] : [text(` ${alt} `)];
  return [{ type: 'image', url, alt }];
}

/** What a picture is called, and the words that are drawn in it, as in diagrams. */
function spoken(element: Element, context: PageContext): PhrasingContent[] {
  const title = element.childNodes.find((node) => isElement(node) && node.tagName === 'title');
  const name =
    spokenName(element, context) || (title && isElement(title) ? wordsOf(title, context, 200) : '');
  const drawn =
    element.tagName === 'svg'
      ? drawnWords(element, context)
      : element.tagName === 'math'
        ? wordsOf(element, context)
        : '';
  const said = [name, ...(drawn === name ? [] : [drawn])].filter((each) => each !== '').join(': ');
  return said === '' ? [] : [text(said)];
}

function drawnWords(svg: Element, context: PageContext): string {
  const found: string[] = [];
  const walk = (nodes: readonly Node[]) => {
    for (const node of nodes) {
      if (!isElement(node) || !context.isShown(node)) continue;
      if (/^(?:text|foreignObject)$/i.test(node.tagName)) found.push(wordsOf(node, context));
      else walk(node.childNodes);
    }
  };
  walk(svg.childNodes);
  return found.filter((each) => each !== '').join(' ');
}

function embedded(element: Element, context: PageContext): PhrasingContent[] {
  const source = element.childNodes.find((node) => isElement(node) && node.tagName === 'source');
  const reference =
    attribute(element, 'src') ??
    attribute(element, 'data') ??
    (source && isElement(source) ? attribute(source, 'src') : undefined);
  const url = context.address(reference, fetched);
  if (url === undefined) return [];
  const what =
    element.tagName === 'video' || element.tagName === 'audio' ? element.tagName : 'embedded page';
  return [
    {
      type: 'link',
      url,
      children: [{ type: 'text', value: spokenName(element, context) || what }],
    },
  ];
}

function code(element: Element, context: PageContext): PhrasingContent[] {
  if (holds(element, 'a')) {
    return collect(element.childNodes, context).map((each): PhrasingContent => {
      if (each.type === 'text' && each.value.trim() !== '')
        return { type: 'inlineCode', value: each.value };
      if (each.type !== 'link') return each;
      return { ...each, children: [{ type: 'inlineCode', value: wordsInside(each) }] };
    });
  }
  const lines = codeText(element, context)
    .split('\n')
    .map((line) => line.replace(/^ +| +$/g, '').replaceAll('\u00a0', ' '));
  return keepEdges(element, inlineCodes(lines));
}

/** White space collapsed as the page says, but for no-break spaces; lines where it breaks them. */
function codeText(element: Element, context: PageContext): string {
  const parts: string[] = [];
  const walk = (nodes: readonly Node[]) => {
    for (const node of nodes) {
      if (isText(node)) {
        parts.push(
          context.space === 'normal'
            ? node.value.replace(/[ \t\n\f\r]+/g, ' ')
            : node.value.replaceAll(' ', '\u00a0'),
        );
      } else if (isElement(node) && context.isShown(node)) {
        if (node.tagName === 'br') parts.push('\n');
        else walk(node.childNodes);
        if (isBlock(node)) parts.push('\n');
      }
    }
  };
  walk(element.childNodes);
  return context.conceal(parts.join('').replace(/[\u00ad\u200b\u2060\ufeff]+/g, ''));
}

/** Code of several lines where only one is possible: each on its own, indentation kept. */
function inlineLines(element: Element, context: PageContext): PhrasingContent[] {
  return inlineCodes(sourceOf(element, context).trimEnd().replace(/^\n+/, '').split('\n'));
}

function inlineCodes(lines: readonly string[]): PhrasingContent[] {
  return lines.flatMap((line, at): PhrasingContent[] => [
    ...(at > 0 ? [{ type: 'break' as const }] : []),
    ...(line.trim() === '' ? [] : [{ type: 'inlineCode' as const, value: line.trimEnd() }]),
  ]);
}

/** A table within a table's cell, or within a link: its rows as lines. */
function rowsInside(table: Element, context: PageContext): PhrasingContent[] {
  const lines: PhrasingContent[] = [];
  const walk = (nodes: readonly Node[]) => {
    for (const node of nodes) {
      if (!isElement(node) || !context.isShown(node)) continue;
      if (node.tagName === 'tr') {
        if (lines.length > 0) lines.push({ type: 'break' });
        const cells = node.childNodes.filter(isElement).filter((cell) => context.isShown(cell));
        for (const [at, cell] of cells.entries()) {
          if (at > 0) lines.push(text(' | '));
          for (const each of trimmed(collect(cell.childNodes, context))) lines.push(each);
        }
      } else if (node.tagName === 'caption') {
        for (const each of collect(node.childNodes, context)) lines.push(each);
      } else walk(node.childNodes);
    }
  };
  walk(table.childNodes);
  return lines;
}

/** Of an item of a list that counts. */
function numberOf(item: Element): PhrasingContent[] {
  const list = item.parentNode;
  if (!list || !isElement(list) || list.tagName !== 'ol') return [];
  const items = list.childNodes.filter((node) => isElement(node) && node.tagName === 'li');
  const start = Number.parseInt(attribute(list, 'start') ?? '1', 10);
  return [text(`${(Number.isFinite(start) ? start : 1) + items.indexOf(item)}. `)];
}

function holds(element: Element, tags: string, depth = 0): boolean {
  if (depth > 8) return false;
  return element.childNodes.some(
    (node) =>
      isElement(node) && (tags.split('|').includes(node.tagName) || holds(node, tags, depth + 1)),
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
