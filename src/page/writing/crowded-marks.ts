/**
 * Marks (strong, emphasis, deleted) that stand among so many that finding the best characters for them
 * takes too long: mdast-util-to-markdown tries each anew for every mistake it sees.
 */
import type { Nodes } from 'mdast';

/** In one paragraph, heading or cell. */
const maxMarks = 50;

export function crowdedMarks(node: Nodes): ReadonlySet<Nodes> {
  const crowded = new Set<Nodes>();
  const visit = (each: Nodes): void => {
    if (!('children' in each)) return;
    if (each.type !== 'paragraph' && each.type !== 'heading' && each.type !== 'tableCell') {
      for (const child of each.children) visit(child);
      return;
    }
    const marks = marksIn(each);
    if (marks.length > maxMarks) for (const mark of marks) crowded.add(mark);
  };
  visit(node);
  return crowded;
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
