/** Elements that a browser never shows, or shows only after a script's or the reader's action. */
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
  if (element.attrs.length === 0) return tagName === 'dialog';
  // GitHub's view of a file contains the text a second time, for keyboard use.
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

/** Whether it is content that is hidden for now, as opposed to non-content, menus and dialogs. */
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
