/**
 * Takes secrets out of a stream, part by part. What may be the beginning of one is held back until more
 * has come.
 */
import { release } from '../receive-buffers.ts';
import { cut, type Replacement } from './cuts.ts';
import type { Search } from './secret-search.ts';

export interface Parts {
  /** What can be passed on, in order. Releases what it does not pass on. */
  next(part: Buffer): Buffer[];
  /** What was held back, once there are no more parts. */
  last(): Buffer;
}

/**
 * What is held back is searched together with so much of the next part. Joined to all of it, every long
 * part would be copied, and those copies gather until they are collected.
 */
const joinedBytes = 32 * 1024;

export function createParts(find: Search, how: Replacement): Parts {
  let held: Buffer = Buffer.alloc(0);
  const searched = (input: Buffer) => cut(input, find(input, false), how);
  const passed = (input: Buffer): Buffer => {
    const { done, rest } = searched(input);
    held = rest.length === 0 ? rest : copied(rest);
    return done;
  };
  return {
    next(part) {
      if (held.length === 0) return [passed(part)];
      if (part.length > joinedBytes) {
        const { done, rest } = searched(Buffer.concat([held, part.subarray(0, joinedBytes)]));
        // Nothing of what was held is left open: then it goes on in the part itself.
        const decided = joinedBytes - rest.length;
        if (decided > 0) {
          release(part.subarray(0, decided));
          return [done, passed(part.subarray(decided))];
        }
      }
      return [passed(copied(held, part))];
    },
    last: () => cut(held, find(held, true), how).done,
  };
}

function copied(...parts: Buffer[]): Buffer {
  const copy = Buffer.concat(parts);
  for (const part of parts) release(part);
  return copy;
}
