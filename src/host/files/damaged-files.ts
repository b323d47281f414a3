/** Clears a folder of records of what does not belong there: unusable records and leftovers of crashes. */
import { linkSync, lstatSync, readdirSync, renameSync, rmdirSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { Log } from '../../log.ts';
import { fileIdentity, temporarySuffix } from './private-file.ts';
import { systemCode } from './private-folder.ts';
import { removeFile } from './remove-file.ts';

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
    if (!isVersion(path, identity)) return undefined;
    try {
      renameSync(path, join(folder, aside));
    } catch (error) {
      if (!['EISDIR', 'ENOTDIR', 'ENOTEMPTY', 'EEXIST'].includes(systemCode(error))) throw error;
      // One of the two names is a folder, and a rename replaces neither a folder by a file nor a file by a
      // folder.
      const { randomBytes } = await import('node:crypto');
      const other = `${name}.${randomBytes(4).toString('hex')}.${reason}`;
      renameSync(path, join(folder, other));
      return other;
    }
    if (!isVersion(join(folder, aside), identity)) {
      // A good record was written between the check and the rename: put it back, unless there is an even
      // newer one.
      restore(join(folder, aside), path);
      removeFile(join(folder, aside));
      return undefined;
    }
    return aside;
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

function isVersion(path: string, identity: string | undefined): boolean {
  if (identity === undefined) return true;
  return fileIdentity(lstatSync(path, { bigint: true })) === identity;
}

/** Removes temporary files of writers that have died, and all but the newest of the records set aside. */
export function sweep(folder: string, now: number, log: Log): void {
  try {
    const aside: { path: string; at: number }[] = [];
    for (const name of readdirSync(folder)) {
      const path = join(folder, name);
      const isAside = asideSuffixes.some((suffix) => name.endsWith(suffix));
      if (!isAside && !name.endsWith(temporarySuffix)) continue;
      const found = lstatSync(path);
      if (isAside) aside.push({ path, at: found.mtimeMs });
      else if (Math.abs(now - found.mtimeMs) > temporaryLifetimeMs) discard(path);
    }
    aside.sort((a, b) => b.at - a.at);
    for (const { path } of aside.slice(keptAside)) discard(path);
  } catch (error) {
    // Another process is sweeping too, or the folder is read-only. It does no harm to leave the files.
    log('debug', 'a folder could not be swept', { code: systemCode(error) });
  }
}

function discard(path: string): void {
  if (!lstatSync(path).isDirectory()) {
    unlinkSync(path);
    return;
  }
  try {
    rmdirSync(path);
  } catch {
    // A folder that somebody else has put here is removed only if it is empty.
  }
}

function restore(aside: string, path: string): void {
  try {
    linkSync(aside, path);
  } catch {
    // There is one already.
  }
}
