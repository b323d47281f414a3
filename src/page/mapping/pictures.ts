/** Pictures, drawings and embedded pages, represented by their name and address. */
import type { PhrasingContent } from 'mdast';
import { attribute, type Element, isElement, type Node } from '../tree/html-tree.ts';
import { fetched, type PageContext, spokenName, wordsOf } from './context.ts';
import { text } from './phrasing-list.ts';

export function image(element: Element, context: PageContext): PhrasingContent[] {
  const alt = spokenName(element, context);
  const isPixel = ['width', 'height'].some((side) =>
    /^[01](?:px)?$/.test(attribute(element, side) ?? ''),
  );
  const isDecoration = attribute(element, 'alt') === '' || isPixel;
  const url =
    context.address(attribute(element, 'src'), fetched) ??
    context.address(attribute(element, 'data-src'), fetched);
  if (isDecoration || (alt === '' && url === undefined)) return [];
  // For icons, and for pictures without a URL, only the name is given.
  const isIcon = ['width', 'height'].some(
    (side) => Number.parseInt(attribute(element, side) ?? '', 10) <= 32,
  );
  if (url === undefined || isIcon) return alt === '' ? [] : [text(` ${alt} `)];
  return [{ type: 'image', url, alt }];
}

/** A picture's name and the text drawn in it, as in diagrams. */
export function spoken(element: Element, context: PageContext): PhrasingContent[] {
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

export function embedded(element: Element, context: PageContext): PhrasingContent[] {
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
