/** Whether a file is kept under a second name where nothing may be read: a hard link has no path that tells. */
import type { BigIntStats, Dirent } from 'node:fs';
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { identity, identityOf, type OffLimits } from './roots.ts';

/** More than these folders ever hold; beyond it nobody can be sure. */
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

/** None of what is not there, no folder, or not to be read by us: nor could it have been sent, then. */
async function entriesOf(folder: string): Promise<Dirent[]> {
  return readdir(folder, { withFileTypes: true }).catch(() => []);
}
