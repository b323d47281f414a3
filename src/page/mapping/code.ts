/** Preformatted text: code with its language, or a directory listing, in which the links matter. */
import type { RootContent } from 'mdast';
import { attribute, type Element, isElement, isText, type Node } from '../tree/html-tree.ts';
import type { PageContext } from './context.ts';
import { phrasing } from './inline.ts';
import { sourceOf } from './source-text.ts';

const language =
  /(?:^|\s)(?:lang(?:uage)?-|highlight-source-|brush:\s*|sourceCode\s+|highlight-|code-)([\w+#.-]{1,30})(?:\s|;|$)/i;
const noLanguage =
  /^(?:none|plain|plaintext|text|txt|default|block|wrapper|container|toolbar|highlighter|console-output|view|viewer|inner|box|cell|lines?|content|area|body|panel|example|snippet|sample|diff)$/i;

export function codeBlock(element: Element, context: PageContext): RootContent[] {
  const lines = element.childNodes.some(isLink) ? linesOf(element.childNodes, context) : [];
  if (isListing(lines)) {
    const items = lines.flatMap((line) => {
      const children = phrasing(line, context);
      return children.length > 0
        ? [
            {
              type: 'listItem' as const,
              spread: false,
              children: [{ type: 'paragraph' as const, children }],
            },
          ]
        : [];
    });
    return [{ type: 'list', ordered: false, spread: false, children: items }];
  }
  const value = sourceOf(element, context).replace(/^\n/, '').trimEnd();
  return code(value, languageOf(element));
}

/** Elements that contain one or more lines of code each. */
export function codeLines(elements: readonly Element[], context: PageContext): RootContent[] {
  const [first] = elements;
  const lines = elements.map((each) => sourceOf(each, context).replace(/\n$/, ''));
  return code(lines.join('\n').trimEnd(), first && languageOf(first));
}

export function code(value: string, lang?: string): RootContent[] {
  if (value.trim() === '') return [];
  return [{ type: 'code', ...(lang ? { lang } : {}), value }];
}

/** The language named on the element, on the `code` in it, or on the elements around it. */
export function languageOf(element: Element): string | undefined {
  const inner = element.childNodes.find((node) => isElement(node) && node.tagName === 'code');
  const outer = element.parentNode;
  const near = [
    inner,
    element,
    outer,
    outer && 'parentNode' in outer ? outer.parentNode : undefined,
  ];
  for (const each of near) {
    if (!each || !isElement(each)) continue;
    const named =
      attribute(each, 'data-lang') ??
      attribute(each, 'data-language') ??
      /^brush:\s*([\w+#.-]{1,30})/.exec(
        attribute(each, 'data-syntaxhighlighter-params') ?? '',
      )?.[1] ??
      language.exec(attribute(each, 'class') ?? '')?.[1];
    if (named && /^[\w+#.-]{1,30}$/.test(named) && !noLanguage.test(named))
      return named.toLowerCase();
  }
  return undefined;
}

function isLink(node: Node): boolean {
  return isElement(node) && node.tagName === 'a' && attribute(node, 'href') !== undefined;
}

/** The nodes of each line, looking for line breaks only in the element's direct text. */
function linesOf(nodes: readonly Node[], context: PageContext): Node[][] {
  const lines: Node[][] = [[]];
  for (const node of nodes) {
    if (!isText(node)) {
      if (isElement(node) && context.isShown(node)) lines.at(-1)?.push(node);
      continue;
    }
    for (const [at, value] of node.value.split('\n').entries()) {
      if (at > 0) lines.push([]);
      if (value !== '') lines.at(-1)?.push({ ...node, value });
    }
  }
  return lines;
}

/**
 * Directory listings as nginx and Apache write them: most lines begin with a link, possibly after an icon.
 */
function isListing(lines: readonly (readonly Node[])[]): boolean {
  const full = lines.filter((line) =>
    line.some((node) => !isText(node) || node.value.trim() !== ''),
  );
  const linked = full.filter((line) => {
    const first = line.find((node) =>
      isText(node) ? node.value.trim() !== '' : isElement(node) && node.tagName !== 'img',
    );
    return first !== undefined && isLink(first);
  });
  return linked.length > 0 && linked.length * 2 >= full.length;
}
