/**
 * Decides which parts of a page are not content: hidden parts, and the furniture around the content
 * (menus, banners, footers), unless the page consists of nothing else.
 */

import type { Allowance } from '../allowance.ts';
import { isHidden, isHiddenContent, neverShown } from './hidden.ts';
import { attribute, type Element, isElement, isText, type Node, type Parent } from './html-tree.ts';

const furnitureRoles = /^(?:navigation|banner|contentinfo|search|menubar|menu|toolbar)$/;
const furnitureNames =
  /(?:^|\s)(?:(?:site|page|main|global|app|top)-?(?:header|footer|nav|navbar|navigation|menu|bar)|nav-?bar|nav-?menu|side-?(?:bar|panel|nav|menu)|breadcrumbs?(?:-?bar)?|footer|cookie-?(?:banner|consent|notice)|skip-?(?:link|nav|to-content)s?)(?:\s|$)/i;

/** Inside these, a header or footer belongs to the content. */
const sections = new Set(['article', 'main', 'section', 'aside', 'blockquote', 'td', 'dialog']);

/** If less text than this is left without the furniture, the furniture is kept. */
const enoughText = 120;

/** Beside text that is shown, less hidden text than this may be just menus and dialogs. */
const enoughHidden = 200;

export interface Visible {
  /** Where the content is: the body, or its main part. */
  readonly roots: readonly Element[];
  isShown(node: Node): boolean;
  /** Whether nearly all of the page is hidden, and therefore treated as shown. */
  readonly isRevealed: boolean;
  /** The length of all shown text, in UTF-16 units. */
  readonly length: number;
}

/** Throws OutOfTime as `allowance` does. */
export function visibleParts(body: Element, allowance: Allowance): Visible {
  const asItIs = survey(body, allowance, false);
  const { content, furniture: around, hidden } = asItIs.lengths;
  const isAll = hidden > 0 && content + around === 0;
  const isRevealed = isAll || (hidden >= enoughHidden && content * 4 < hidden);
  const { furniture, mains, lengths, ...parts } = isRevealed
    ? survey(body, allowance, true)
    : asItIs;
  const furnitureOnly = lengths.content < enoughText && lengths.furniture > lengths.content;
  const mainIsEnough =
    mains.length > 0 && lengths.main >= enoughText && lengths.main * 4 >= lengths.content;
  return {
    roots: mainIsEnough ? mains : [body],
    isShown: (node) => !parts.hidden.has(node) && (furnitureOnly || !furniture.has(node)),
    isRevealed,
    length: lengths.content + lengths.furniture,
  };
}

interface Survey {
  readonly hidden: ReadonlySet<Node>;
  readonly furniture: ReadonlySet<Node>;
  readonly mains: readonly Element[];
  /** Lengths of text, in UTF-16 units. */
  readonly lengths: Readonly<Record<'content' | 'furniture' | 'main' | 'hidden', number>>;
}

/** `reveals`: treats hidden content as shown, except for what is hidden within it. */
function survey(body: Element, allowance: Allowance, reveals: boolean): Survey {
  const hidden = new Set<Node>();
  const furniture = new Set<Node>();
  const mains: Element[] = [];
  const lengths = { content: 0, furniture: 0, main: 0, hidden: 0 };
  const measure = linkMeasure(allowance);
  interface Place {
    readonly inSection: boolean;
    readonly inFurniture: boolean;
    readonly inMain: boolean;
    readonly inRevealed: boolean;
  }
  const visit = (parent: Parent, place: Place) => {
    for (const node of parent.childNodes) {
      allowance.look();
      if (isText(node)) {
        const length = node.value.trim().length;
        lengths[place.inFurniture ? 'furniture' : 'content'] += length;
        if (place.inMain && !place.inFurniture) lengths.main += length;
        continue;
      }
      if (!isElement(node)) continue;
      const isRevealed = reveals && !place.inRevealed && isHiddenContent(node);
      if (isHidden(node) && !isRevealed) {
        hidden.add(node);
        if (!place.inFurniture && isHiddenContent(node))
          lengths.hidden += hiddenWords(node, measure);
        continue;
      }
      const isMain =
        !place.inMain && (node.tagName === 'main' || attribute(node, 'role') === 'main');
      if (isMain) mains.push(node);
      const isFurniture =
        !isMain && !place.inFurniture && furnishes(node, place.inSection, measure);
      if (isFurniture) furniture.add(node);
      const isSection = !place.inSection && sections.has(node.tagName);
      const isElsewhere = isSection || isFurniture || isMain || isRevealed;
      const inside = isElsewhere
        ? {
            inSection: place.inSection || isSection,
            inFurniture: place.inFurniture || isFurniture,
            inMain: place.inMain || isMain,
            inRevealed: place.inRevealed || isRevealed,
          }
        : place;
      visit(node, inside);
    }
  };
  visit(body, { inSection: false, inFurniture: false, inMain: false, inRevealed: false });
  return { hidden, furniture, mains, lengths };
}

function hiddenWords(element: Element, measure: Measure): number {
  const { all, linked } = measure(element);
  return isMostlyLinks({ all, linked }) ? 0 : all;
}

function furnishes(element: Element, inSection: boolean, measure: Measure): boolean {
  const { tagName } = element;
  if (tagName === 'nav') return true;
  if (tagName === 'footer') return !inSection;
  // A page's header often contains its title. Menus in it are recognised on their own.
  if (tagName === 'header') return !inSection && !holdsHeading(element);
  if (element.attrs.length === 0) return false;
  const role = attribute(element, 'role');
  if (role !== undefined) {
    const first = role.trim().toLowerCase();
    if (furnitureRoles.test(first)) return !(first === 'banner' && holdsHeading(element));
  }
  if (tagName === 'body' || tagName === 'main' || tagName === 'a') return false;
  const id = attribute(element, 'id');
  const classes = attribute(element, 'class');
  if (id === undefined && classes === undefined) return false;
  const names = `${id ?? ''} ${classes ?? ''}`.slice(0, 500);
  // The name alone is not enough: an issue's sidebar contains its facts, whereas a menu consists of links.
  return (
    furnitureNames.test(names) && !holdsHeading(element, /^h1$/) && isMostlyLinks(measure(element))
  );
}

/** The lengths of an element's text, in UTF-16 units. */
interface Lengths {
  readonly all: number;
  readonly linked: number;
}

type Measure = (element: Element) => Lengths;

/** Measures each element only once, however many elements around it have to be measured. */
function linkMeasure(allowance: Allowance): Measure {
  const known = new Map<Element, Lengths>();
  const measure = (element: Element): Lengths => {
    const before = known.get(element);
    if (before) return before;
    let all = 0;
    let linked = 0;
    for (const node of element.childNodes) {
      allowance.look();
      if (isText(node)) all += node.value.trim().length;
      else if (isElement(node) && !neverShown.has(node.tagName)) {
        const inside = measure(node);
        const isLink = node.tagName === 'a' || node.tagName === 'button';
        all += inside.all;
        linked += isLink ? inside.all : inside.linked;
      }
    }
    const lengths = { all, linked };
    known.set(element, lengths);
    return lengths;
  };
  return measure;
}

function isMostlyLinks({ all, linked }: Lengths): boolean {
  return linked * 2 >= all;
}

function holdsHeading(element: Element, tag = /^h[1-3]$/, depth = 0): boolean {
  if (depth > 6) return false;
  return element.childNodes
    .slice(0, 50)
    .some(
      (node) => isElement(node) && (tag.test(node.tagName) || holdsHeading(node, tag, depth + 1)),
    );
}
