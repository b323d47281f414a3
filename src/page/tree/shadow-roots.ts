/**
 * Declarative shadow roots (HTML §4.12.3, DOM §4.8): a host shows the content of its root, with its own
 * children in the slots that name them.
 */
import type { Allowance } from '../allowance.ts';
import { attribute, type Element, isElement, type Node, type Parent } from './html-tree.ts';

/** Changes the tree. Throws OutOfTime as `allowance` does. */
export function composeShadowRoots(parent: Parent, allowance: Allowance): void {
  for (const node of parent.childNodes) {
    allowance.look();
    if (!isElement(node)) continue;
    const root = node.childNodes.find(isRoot);
    if (root) attach(node, root, allowance);
    composeShadowRoots(node, allowance);
  }
}

type Root = Element & { readonly content: Parent };

function isRoot(node: Node): node is Root {
  return (
    isElement(node) &&
    node.tagName === 'template' &&
    'content' in node &&
    /^(?:open|closed)$/i.test(
      attribute(node, 'shadowrootmode') ?? attribute(node, 'shadowroot') ?? '',
    )
  );
}

function attach(host: Element, { content }: Root, allowance: Allowance): void {
  const bySlot = new Map<string, Node[]>();
  for (const node of host.childNodes) {
    if (isRoot(node)) continue;
    const name = isElement(node) ? (attribute(node, 'slot') ?? '') : '';
    const others = bySlot.get(name);
    if (others) others.push(node);
    else bySlot.set(name, [node]);
  }
  const fill = (parent: Parent) => {
    for (const node of parent.childNodes) {
      allowance.look();
      if (!isElement(node)) continue;
      const name = node.tagName === 'slot' ? (attribute(node, 'name') ?? '') : undefined;
      const assigned = name === undefined ? undefined : bySlot.get(name);
      // The first slot with a name takes all its nodes; a slot without nodes shows its own content.
      if (name === undefined || !assigned) fill(node);
      else {
        bySlot.delete(name);
        adopt(node, assigned);
      }
    }
  };
  fill(content);
  adopt(host, content.childNodes);
}

function adopt(parent: Element, children: Node[]): void {
  parent.childNodes = children;
  for (const child of children) child.parentNode = parent;
}
