/**
 * Parses HTML into a tree by the HTML standard's algorithm (parse5), with limits against hostile pages:
 * the algorithm's repairs can turn a few kilobytes into millions of nodes or nest without end, and its
 * searches (for a tag to close, for a duplicate attribute) take quadratic time.
 */
import {
  type DefaultTreeAdapterMap,
  type DefaultTreeAdapterTypes,
  defaultTreeAdapter,
  Parser,
  type TreeAdapter,
} from 'parse5';

export type Node = DefaultTreeAdapterTypes.ChildNode;
export type Parent = DefaultTreeAdapterTypes.ParentNode;
export type Element = DefaultTreeAdapterTypes.Element;
export type Text = DefaultTreeAdapterTypes.TextNode;
export type Document = DefaultTreeAdapterTypes.Document;

export interface ParsedHtml {
  readonly document: Document;
  /** Why parsing stopped before the end, if it did. */
  readonly stopped?: Reason;
  /** Of all its elements: a page without a tag need not be searched for it. */
  readonly tagNames: ReadonlySet<string>;
}

type Reason = 'nodes' | 'depth' | 'time';

const maxNodes = 200_000;
/** The same limit as in browsers. */
export const maxDepth = 512;

class Stop extends Error {
  readonly reason: Reason;
  constructor(reason: Reason) {
    super(reason);
    this.reason = reason;
  }
}

/** How much is parsed between two readings of the clock. */
const pieceLength = 16 * 1024;

/** Never throws. If it has to stop, the tree contains what was parsed until then. */
export function parseHtml(html: string, budgetMs = 3000): ParsedHtml {
  const tagNames = new Set<string>();
  const parser = new Parser({ treeAdapter: boundedAdapter(tagNames), scriptingEnabled: false });
  const until = performance.now() + budgetMs;
  try {
    for (let at = 0; at < html.length || at === 0; at += pieceLength) {
      if (performance.now() > until) throw new Stop('time');
      parser.tokenizer.write(html.slice(at, at + pieceLength), at + pieceLength >= html.length);
    }
    return { document: parser.document, tagNames };
  } catch (error) {
    if (error instanceof Stop)
      return { document: parser.document, tagNames, stopped: error.reason };
    throw error;
  }
}

export function isElement(node: Node | Parent): node is Element {
  // Faster than to ask whether it has a `tagName`; that of an element begins with a letter (HTML §13.2.5.6).
  return node.nodeName.charCodeAt(0) !== 0x23;
}

export function isComment(node: Node | Parent): node is DefaultTreeAdapterTypes.CommentNode {
  return node.nodeName === '#comment';
}

export function isText(node: Node | Parent): node is Text {
  return node.nodeName === '#text';
}

export function attribute(element: Element, name: string): string | undefined {
  for (const each of element.attrs) if (each.name === name) return each.value;
  return undefined;
}

/** The depth is stored on the node itself, because a separate map took longer than all the rest. */
interface Placed {
  readonly nodeName: string;
  depth?: number;
}

/** Adds the names of the elements that it makes to `tagNames`. */
function boundedAdapter(tagNames: Set<string>): TreeAdapter<DefaultTreeAdapterMap> {
  let nodes = 0;
  const count = () => {
    nodes += 1;
    if (nodes > maxNodes) throw new Stop('nodes');
  };
  const place = (parent: Placed, child: Placed) => {
    child.depth = (parent.depth ?? 0) + 1;
    if (child.depth > maxDepth) throw new Stop('depth');
  };
  const base = defaultTreeAdapter;
  const append = (parent: Parent, child: Node) => {
    // Most have one child, and an array that grows by `push` is made for 17.
    if (parent.childNodes.length === 0) {
      parent.childNodes = [child];
      child.parentNode = parent;
    } else base.appendChild(parent, child);
  };
  return {
    ...base,
    createElement(name, namespace, attributes) {
      count();
      tagNames.add(name);
      const element: Element & Placed = {
        nodeName: name,
        tagName: name,
        attrs: attributes,
        namespaceURI: namespace,
        childNodes: [],
        parentNode: null,
        depth: 0,
      };
      return element;
    },
    createCommentNode(data) {
      count();
      // Only the markers of streamed pages (streamed.ts) are ever read.
      return base.createCommentNode(data.slice(0, 2));
    },
    appendChild(parent, child) {
      place(parent, child);
      append(parent, child);
    },
    insertBefore(parent, child, reference) {
      place(parent, child);
      base.insertBefore(parent, child, reference);
    },
    setTemplateContent(template, content) {
      place(template, content);
      base.setTemplateContent(template, content);
    },
    insertText(parent, text) {
      // The parser inserts text in pieces, which are appended to the preceding text node.
      const last = parent.childNodes[parent.childNodes.length - 1];
      if (last && isText(last)) last.value += text;
      else {
        count();
        append(parent, base.createTextNode(text));
      }
    },
    insertTextBefore(parent, text, reference) {
      count();
      base.insertTextBefore(parent, text, reference);
    },
  };
}
