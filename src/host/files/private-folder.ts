/**
 * A private folder: a directory owned by the user who runs this, with mode 0700. A looser mode is
 * tightened; anything else is refused, with a message fit for the person. Synchronous, as is reading the
 * files in it (private-file.ts).
 */
import {
  closeSync,
  constants,
  fchmodSync,
  fstatSync,
  lstatSync,
  mkdirSync,
  openSync,
  statSync,
} from 'node:fs';
import { dirname } from 'node:path';

/** The folder cannot be used; `message` is one clause that says why, without a full stop. */
export class FolderTrouble extends Error {
  override readonly name = 'FolderTrouble';
}

/** The code of a failed system call, such as `ENOENT`; empty text for any other error. */
export function systemCode(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string'
    ? error.code
    : '';
}

/** Whether a system call failed (`ENOSPC`), rather than this program (`ERR_…`, or no code). */
export function isSystemFailure(error: unknown): boolean {
  return /^E[A-Z0-9]+$/.test(systemCode(error));
}

/** The user that files are made and owned by; `undefined` where the system has no such thing. */
export function ownUserId(): number | undefined {
  return process.geteuid?.();
}

/**
 * Makes sure that `path` is such a folder; with `create` it is made when absent. A symbolic link
 * counts only when `allowOwnLink` is set, and it and what it points to belong to this user.
 * Throws FolderTrouble, and system errors that say nothing about the folder, such as EMFILE.
 */
export function usePrivateFolder(
  path: string,
  options: { create: boolean; allowOwnLink?: boolean },
): 'ready' | 'absent' {
  try {
    if (options.create) makeFolder(path);
    const own = ownUserId();
    const link = lstatSync(path);
    if (link.isSymbolicLink()) {
      if (options.allowOwnLink !== true) throw new FolderTrouble(`${path} is a symbolic link`);
      if (own !== undefined && link.uid !== own) {
        throw new FolderTrouble(`${path} is a symbolic link made by another user`);
      }
    }
    if (process.platform === 'win32') {
      // Directories cannot be opened there, and access is a matter of the profile's folder.
      if (!statSync(path).isDirectory()) throw new FolderTrouble(`${path} is not a folder`);
      return 'ready';
    }
    const noFollow = link.isSymbolicLink() ? 0 : constants.O_NOFOLLOW;
    const folder = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY | noFollow);
    try {
      tighten(folder, path, own);
    } finally {
      closeSync(folder);
    }
    return 'ready';
  } catch (error) {
    if (error instanceof FolderTrouble) throw error;
    const code = systemCode(error);
    if (code === 'ENOENT' && !options.create) return 'absent';
    // Trouble with this process or with the disk says nothing about the folder.
    if (['', 'EMFILE', 'ENFILE', 'ENOMEM', 'EIO'].includes(code)) throw error;
    if (code === 'ENOTDIR' || code === 'EEXIST') {
      throw new FolderTrouble(`${path} is not a folder`, { cause: error });
    }
    throw new FolderTrouble(`${path} ${folderFailure(code)}`, { cause: error });
  }
}

/**
 * Makes one level after the other. Node's own `recursive` loops endlessly, and cannot be interrupted by
 * signals, where mkdir in an existing folder fails with ENOENT, as it does in /proc.
 */
function makeFolder(path: string): void {
  for (let attempt = 1; !isThere(path); attempt += 1) {
    const parent = dirname(path);
    if (parent !== path) makeFolder(parent);
    try {
      mkdirSync(path, { mode: 0o700 });
    } catch (error) {
      const code = systemCode(error);
      if (code === 'EEXIST') return; // another process was faster
      if (code !== 'ENOENT') throw error;
      // Try again if somebody has just removed the parent.
      if (attempt === 3 || isThere(parent)) {
        const why = `${path} cannot be written: nothing can be made in ${parent}`;
        throw new FolderTrouble(why, { cause: error });
      }
    }
  }
}

function isThere(path: string): boolean {
  try {
    lstatSync(path);
    return true;
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return false;
    throw error;
  }
}

function tighten(folder: number, path: string, own: number | undefined): void {
  const found = fstatSync(folder);
  if (own !== undefined && found.uid !== own) {
    throw new FolderTrouble(`${path} belongs to another user`);
  }
  if ((found.mode & 0o077) === 0) return;
  // Removes the access of others, and adds none for the person where they removed their own.
  fchmodSync(folder, found.mode & 0o7700);
  // On file systems without modes (a Windows drive in WSL) the call succeeds and changes nothing.
  if ((fstatSync(folder).mode & 0o077) !== 0) {
    throw new FolderTrouble(`${path} is on a file system where others can read it`);
  }
}

/** What a failed call on a file or folder means, as the predicate of a sentence. */
export function folderFailure(code: string): string {
  switch (code) {
    case 'EROFS':
      return 'is on a read-only file system';
    case 'EACCES':
    case 'EPERM':
      return 'cannot be written by this user';
    case 'ENOSPC':
      return 'is on a full disk';
    case 'EDQUOT':
      return 'is over its disk quota';
    case 'ELOOP':
      return 'is a symbolic link';
    default:
      return `cannot be used (${code || 'unknown failure'})`;
  }
}
