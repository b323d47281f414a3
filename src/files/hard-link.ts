/**
 * Whether a file has a second name (a hard link) in a folder that is off limits. Its path does not reveal
 * that.
 */
import type { BigIntStats, Dirent } from 'node:fs';
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { identity, identityOf, type OffLimits } from './roots.ts';

/**
 * More files than these folders ever hold. Beyond that the answer is yes, because it cannot be ruled out.
 */
const mostFiles = 20_000;

/** What the file is, as the end of “it is …”, if it has another name in one of `places`. */
export async function hardLinkInto(
  stats: BigIntStats,
  places: readonly OffLimits[],
): Promise<string | undefined> {
  if (stats.nlink <= 1n) return undefined;
  const wanted = identityOf(stats);
  let seen = 0;

  const holds = async (folder: string): Promise<boolean> => {
    for (const entry of await entriesOf(folder)) {
      seen += 1;
      if (seen > mostFiles) return true;
      const name = path.join(folder, entry.name);
      if (entry.isDirectory() ? await holds(name) : (await identity(name)) === wanted) return true;
    }
    return false;
  };
  for (const place of places) {
    if (await holds(place.path)) return `a second name of a file ${place.what}`;
  }
  return undefined;
}

/** Nothing for a folder that is missing or unreadable: nothing in it could be sent either. */
async function entriesOf(folder: string): Promise<Dirent[]> {
  return readdir(folder, { withFileTypes: true }).catch(() => []);
}
