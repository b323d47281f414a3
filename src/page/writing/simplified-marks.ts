/**
 * Finds marks (strong, emphasis, deleted) that are written with the first possible delimiters instead of
 * the best: their block has so many that choosing takes too long, since mdast-util-to-markdown retries
 * each mark after every mistake it detects.
 */
import type { Nodes } from 'mdast';

/** The maximum in one paragraph, heading or cell. */
const maxMarks = 50;

export function simplifiedMarks(node: Nodes): ReadonlySet<Nodes> {
  const simplified = new Set<Nodes>();
  const visit = (each: Nodes): void => {
    if (!('children' in each)) return;
    if (each.type !== 'paragraph' && each.type !== 'heading' && each.type !== 'tableCell') {
      for (const child of each.children) visit(child);
      return;
    }
    const marks = marksIn(each);
    if (marks.length > maxMarks) for (const mark of marks) simplified.add(mark);
  };
  visit(node);
  return simplified;
}

function marksIn(parent: Nodes): Nodes[] {
  const marks: Nodes[] = [];
  const visit = (node: Nodes): void => {
    if (node.type === 'strong' || node.type === 'emphasis' || node.type === 'delete')
      marks.push(node);
    if ('children' in node) for (const child of node.children) visit(child);
  };
  visit(parent);
  return marks;
}
