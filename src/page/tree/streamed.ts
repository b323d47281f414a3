/**
 * React's streaming server rendering: content that was not ready when the page began is sent at its end,
 * in hidden elements, and calls such as `$RC("B:0","S:0")` move it to where a fallback stands. The calls
 * are not run; this code does the same.
 */
import type { Allowance } from '../allowance.ts';
import { attribute, type Element, isComment, isElement, isText, type Parent } from './html-tree.ts';

interface Call {
  /** A boundary is replaced up to its end; a placeholder is a single element. */
  readonly kind: 'boundary' | 'placeholder';
  readonly target: string;
  readonly segment: string;
}

const calls = /\$R([CRS])\("([^"\\]{1,80})","([^"\\]{1,80})"/g;
const maxCalls = 1000;

/** Changes the tree. Throws OutOfTime as `allowance` does. */
export function placeStreamed(document: Parent, { look }: Allowance): void {
  const byId = new Map<string, Element>();
  const found: Call[] = [];
  const walk = (parent: Parent) => {
    for (const node of parent.childNodes) {
      look();
      if (!isElement(node)) continue;
      const id = attribute(node, 'id');
      if (id !== undefined && /[BSP]:/.test(id) && !byId.has(id)) byId.set(id, node);
      if (node.tagName !== 'script') walk(node);
      else for (const each of callsIn(node)) if (found.length < maxCalls) found.push(each);
    }
  };
  walk(document);
  for (const { kind, target, segment } of found) {
    look();
    const place = byId.get(target);
    const box = byId.get(segment);
    if (place?.tagName === 'template' && box && !isInside(place, box)) put(kind, place, box);
  }
}

function callsIn(script: Element): Call[] {
  const [words] = script.childNodes;
  if (!words || !isText(words) || !words.value.includes('$R')) return [];
  const inScript = [...words.value.matchAll(calls)].map(
    ([, name, first = '', second = '']): Call =>
      name === 'S'
        ? { kind: 'placeholder', segment: first, target: second }
        : { kind: 'boundary', target: first, segment: second },
  );
  return inScript;
}

function put(kind: Call['kind'], place: Element, box: Element): void {
  const parent = place.parentNode;
  const from = parent?.childNodes.indexOf(place) ?? -1;
  if (!parent || from < 0) return;
  const children = box.childNodes;
  box.childNodes = [];
  for (const child of children) child.parentNode = parent;
  const to = kind === 'boundary' ? endOfBoundary(parent, from) : from + 1;
  parent.childNodes = [
    ...parent.childNodes.slice(0, from),
    ...children,
    ...parent.childNodes.slice(to),
  ];
}

/** The matching comment `/$`. Boundaries nest, and begin with a comment `$`, `$?`, `$!` or `$~`. */
function endOfBoundary({ childNodes }: Parent, from: number): number {
  let depth = 0;
  for (let at = from; at < childNodes.length; at += 1) {
    const node = childNodes[at];
    if (!node || !isComment(node)) continue;
    if (node.data.startsWith('$')) depth += 1;
    else if (node.data === '/$' && depth > 0) depth -= 1;
    else if (node.data === '/$') return at;
  }
  return from + 1;
}

function isInside(element: Element, box: Element): boolean {
  for (let at: Parent | null = element; at; at = 'parentNode' in at ? at.parentNode : null) {
    if (at === box) return true;
  }
  return false;
}
