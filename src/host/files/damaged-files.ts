/** What a folder of records should not hold: records that cannot be used, leftovers of crashes. */
import { randomBytes } from 'node:crypto';
import { link, lstat, readdir, rename, rmdir, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { Log } from '../../log.ts';
import { fileIdentity, removeFile, temporarySuffix } from './private-file.ts';
import { systemCode } from './private-folder.ts';

export const asideSuffixes = ['.damaged', '.newer'] as const;
const keptAside = 16;
const temporaryLifetimeMs = 15 * 60_000;

/**
 * Renames `name` to `<name>.damaged` or `<name>.newer`, unless it is not the version `identity` any
 * more (another process has written meanwhile). Gives the new name, or undefined if it was gone.
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
      // A folder is in the way, of either name: neither replaces the other.
      const other = `${name}.${randomBytes(4).toString('hex')}.${reason}`;
      await rename(path, join(folder, other));
      return other;
    }
    if (!(await isVersion(join(folder, aside), identity))) {
      // A good record was written between the look and the rename; put it back, unless there is
      // an even newer one.
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

/** Removes temporary files of writers that died, and all but the newest of what was set aside. */
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
    // Another process sweeps too, or the folder is read-only: nothing is lost by leaving it.
    log('debug', 'a folder could not be swept', { code: systemCode(error) });
  }
}

async function discard(path: string): Promise<void> {
  const found = await lstat(path);
  // A folder that somebody put here is removed only when it is empty.
  await (found.isDirectory() ? rmdir(path).catch(() => {}) : unlink(path));
}
