/** Which elements a browser does not show: never, or not until a script or the reader shows them. */
import { attribute, type Element } from './html-tree.ts';

export const neverShown = new Set([
  'base',
  'canvas',
  'datalist',
  'head',
  'link',
  'map',
  'meta',
  'noembed',
  'noframes',
  'noscript',
  'param',
  'script',
  'source',
  'style',
  'template',
  'title',
  'track',
]);

export function isHidden(element: Element): boolean {
  const { tagName } = element;
  if (neverShown.has(tagName)) return true;
  // GitHub's view of a file holds it a second time, for the keyboard.
  if (tagName === 'textarea' && /react-blob/.test(attribute(element, 'class') ?? '')) return true;
  if (attribute(element, 'hidden') !== undefined && attribute(element, 'hidden') !== 'until-found')
    return true;
  if (attribute(element, 'aria-hidden') === 'true' && tagName !== 'img' && tagName !== 'body')
    return true;
  if (tagName === 'dialog' && attribute(element, 'open') === undefined) return true;
  const style = attribute(element, 'style');
  return (
    style !== undefined &&
    /(?:^|;)\s*(?:display\s*:\s*none|visibility\s*:\s*hidden)/i.test(style.slice(0, 2000))
  );
}

/** Hidden until something shows it, unlike what is never content, a menu or a dialog. */
export function isHiddenContent(element: Element): boolean {
  return (
    isHidden(element) &&
    !neverShown.has(element.tagName) &&
    element.tagName !== 'dialog' &&
    !/^(?:dialog|alertdialog|menu|tooltip)$/.test(attribute(element, 'role') ?? '') &&
    !/(?:^|[\s_-])(?:modal|dialog|popover|popup|dropdown|tooltip|menu)(?:$|[\s_-])/i.test(
      (attribute(element, 'class') ?? '').slice(0, 500),
    )
  );
}
