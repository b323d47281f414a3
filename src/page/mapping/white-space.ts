/**
 * Where white space is significant (CSS Text §3): according to a style on the element or in the page's own
 * style sheet, or to the class names that code viewers give their lines, whose style sheets are not
 * loaded.
 */
import { attribute, type Element, isElement, isText, type Parent } from '../tree/html-tree.ts';

/**
 * `pre`: all white space, as in code. `wrap`: all white space, in running text. `lines`: only line breaks.
 */
export type WhiteSpace = 'normal' | 'pre' | 'wrap' | 'lines';

/** Simple selectors, such as `pre`, `.log` and `#console`, and the white space that they specify. */
export type SpaceStyles = ReadonlyMap<string, WhiteSpace>;

export const noStyles: SpaceStyles = new Map();

const declared = /(?:^|;|\{)\s*white-space\s*:\s*([\w-]+)/i;
const byKeyword: Readonly<Record<string, WhiteSpace>> = {
  pre: 'pre',
  'pre-wrap': 'wrap',
  'break-spaces': 'wrap',
  'pre-line': 'lines',
  normal: 'normal',
  nowrap: 'normal',
};

const maxSheetLength = 200_000;
const maxRules = 500;

/** Lines of CodeMirror, Monaco, GitHub, Bitbucket, gitweb and the like. */
const codeLine =
  /(?:^|\s)(?:CodeMirror-line|cm-line|view-line|react-file-line|react-code-line-contents|blob-code-inner|code-line|diff-line-content|log-line)(?:\s|$)/;

export function keptSpaceStyles(document: Parent): SpaceStyles {
  const styles = new Map<string, WhiteSpace>();
  const read = (sheet: string) => {
    for (const rule of sheet.split('}')) {
      const at = rule.lastIndexOf('{');
      const kept = byKeyword[declared.exec(rule.slice(at))?.[1]?.toLowerCase() ?? ''];
      if (at < 0 || kept === undefined || kept === 'normal') continue;
      for (const selector of rule.slice(Math.max(0, at - 500), at).split(',')) {
        const simple = /^\s*([\w-]*[.#]?[\w-]+)\s*$/.exec(selector)?.[1];
        if (simple && styles.size < maxRules) styles.set(simple, kept);
      }
    }
  };
  const walk = (parent: Parent, depth: number) => {
    for (const node of parent.childNodes) {
      if (!isElement(node)) continue;
      const [words] = node.tagName === 'style' ? node.childNodes : [];
      if (words && isText(words)) read(words.value.slice(0, maxSheetLength));
      else if (depth < 20) walk(node, depth + 1);
    }
  };
  walk(document, 0);
  return styles;
}

/** What the element itself specifies; its content inherits it. */
export function whiteSpaceOf(element: Element, styles: SpaceStyles): WhiteSpace | undefined {
  if (element.attrs.length === 0 && styles.size === 0) return undefined;
  const style = attribute(element, 'style');
  const own = style === undefined ? undefined : declared.exec(style.slice(0, 2000))?.[1];
  if (own !== undefined) return byKeyword[own.toLowerCase()];
  const { tagName } = element;
  const names = attribute(element, 'class');
  if (names !== undefined) {
    if (codeLine.test(names) || (tagName === 'div' && /^(?:pre|diff(?: \w+)*)$/.test(names)))
      return 'pre';
    if (styles.size > 0) {
      for (const name of names.split(/\s+/).slice(0, 20)) {
        const kept = styles.get(`.${name}`) ?? styles.get(`${tagName}.${name}`);
        if (kept) return kept;
      }
    }
  }
  if (styles.size === 0) return undefined;
  const id = attribute(element, 'id');
  return (id && styles.get(`#${id}`)) || (tagName === 'pre' ? undefined : styles.get(tagName));
}

const noBreak = '\u00a0';

/**
 * A line with its spaces preserved in Markdown: all except single ones between words become no-break
 * spaces.
 */
export function keptSpaces(line: string): string {
  return line
    .replace(/\t/g, '    ')
    .replace(/^ +| {2,}/g, (spaces) => noBreak.repeat(spaces.length));
}
