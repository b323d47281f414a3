/** Clears a folder of records of what does not belong there: unusable records and leftovers of crashes. */
import { link, lstat, readdir, rename, rmdir, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { Log } from '../../log.ts';
import { fileIdentity, removeFile, temporarySuffix } from './private-file.ts';
import { systemCode } from './private-folder.ts';

export const asideSuffixes = ['.damaged', '.newer'] as const;
const keptAside = 16;
const temporaryLifetimeMs = 15 * 60_000;

/**
 * Renames `name` to `<name>.damaged` or `<name>.newer`, unless it is no longer the version `identity`
 * (another process has written meanwhile). Returns the new name, or undefined if it was gone.
 */
export async function setAside(
  folder: string,
  name: string,
  reason: 'damaged' | 'newer',
  identity: string | undefined,
): Promise<string | undefined> {
  const path = join(folder, name);
  const aside = `${name}.${reason}`;
  try {
    if (!(await isVersion(path, identity))) return undefined;
    try {
      await rename(path, join(folder, aside));
    } catch (error) {
      if (!['EISDIR', 'ENOTDIR', 'ENOTEMPTY', 'EEXIST'].includes(systemCode(error))) throw error;
      // One of the two names is a folder, and a rename replaces neither a folder by a file nor a file by a
      // folder.
      const { randomBytes } = await import('node:crypto');
      const other = `${name}.${randomBytes(4).toString('hex')}.${reason}`;
      await rename(path, join(folder, other));
      return other;
    }
    if (!(await isVersion(join(folder, aside), identity))) {
      // A good record was written between the check and the rename: put it back, unless there is an even
      // newer one.
      await link(join(folder, aside), path).catch(() => {});
      await removeFile(join(folder, aside));
      return undefined;
    }
    return aside;
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

async function isVersion(path: string, identity: string | undefined): Promise<boolean> {
  if (identity === undefined) return true;
  return fileIdentity(await lstat(path, { bigint: true })) === identity;
}

/** Removes temporary files of writers that have died, and all but the newest of the records set aside. */
export async function sweep(folder: string, now: number, log: Log): Promise<void> {
  try {
    const aside: { path: string; at: number }[] = [];
    for (const name of await readdir(folder)) {
      const path = join(folder, name);
      const isAside = asideSuffixes.some((suffix) => name.endsWith(suffix));
      if (!isAside && !name.endsWith(temporarySuffix)) continue;
      const found = await lstat(path);
      if (isAside) aside.push({ path, at: found.mtimeMs });
      else if (Math.abs(now - found.mtimeMs) > temporaryLifetimeMs) await discard(path);
    }
    aside.sort((a, b) => b.at - a.at);
    for (const { path } of aside.slice(keptAside)) await discard(path);
  } catch (error) {
    // Another process is sweeping too, or the folder is read-only. It does no harm to leave the files.
    log('debug', 'a folder could not be swept', { code: systemCode(error) });
  }
}

async function discard(path: string): Promise<void> {
  const found = await lstat(path);
  // A folder that somebody else has put here is removed only if it is empty.
  await (found.isDirectory() ? rmdir(path).catch(() => {}) : unlink(path));
}
