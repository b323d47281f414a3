/**
 * Checks whether the data folder exists, is private and writable, and whether it contains damaged records.
 */
import { constants } from 'node:fs';
import { access, lstat, mkdtemp, readdir, rm, rmdir, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { asideSuffixes } from '../../host/files/damaged-files.ts';
import { FolderTrouble, systemCode, usePrivateFolder } from '../../host/files/private-folder.ts';
import { type Finding, fail, ok, warn } from './finding.ts';

const name = 'Data folder';
const elsewhere =
  'Fix that, or set CF_ACCESS_DATA_DIR to a folder of your own; until then sessions end with the process.';

/** Leaves nothing behind. Like every command, it removes other users' permissions from the folder. */
export async function checkDataFolder(path: string): Promise<Finding> {
  try {
    const before = await lstat(path).catch((error: unknown) => {
      if (systemCode(error) !== 'ENOENT') throw error;
    });
    if (before === undefined) return await checkParent(path);
    usePrivateFolder(path, { create: false, allowOwnLink: true });
    const trial = join(path, `.doctor-${process.pid}`);
    await writeFile(trial, '', { flag: 'wx', mode: 0o600 });
    await rm(trial);
    const damaged = await countDamaged(path);
    if (damaged > 0) {
      return warn(
        name,
        `${path} is usable, but contains ${damaged} damaged records that were set aside`,
        'They are kept for inspection and do no harm; the sessions in them need a new sign-in.',
      );
    }
    const loose = process.platform !== 'win32' && (before.mode & 0o077) !== 0;
    return loose && !before.isSymbolicLink()
      ? ok(name, `${path}; others could read it until now`)
      : ok(name, `${path}, private and writable`);
  } catch (error) {
    if (error instanceof FolderTrouble) return fail(name, error.message, elsewhere);
    const code = systemCode(error);
    if (code === '') throw error;
    return fail(name, `${path} cannot be used (${code})`, elsewhere);
  }
}

/** Checks whether the folder can be created in its nearest existing ancestor. */
async function checkParent(path: string): Promise<Finding> {
  let parent = dirname(path);
  while (dirname(parent) !== parent && (await isAbsent(parent))) parent = dirname(parent);
  try {
    if (!(await stat(parent)).isDirectory()) {
      return fail(name, `${path} cannot be created: ${parent} is not a folder`, elsewhere);
    }
    await access(parent, constants.W_OK | constants.X_OK);
    // Permissions are not enough: in /proc, for example, nobody can create anything.
    await rmdir(await mkdtemp(join(parent, '.doctor-')));
    return ok(name, `${path}, will be created with the first session`);
  } catch (error) {
    return fail(
      name,
      `${path} cannot be created: ${parent} cannot be written (${systemCode(error)})`,
      elsewhere,
    );
  }
}

async function isAbsent(path: string): Promise<boolean> {
  return lstat(path).then(
    () => false,
    (error: unknown) => systemCode(error) === 'ENOENT',
  );
}

async function countDamaged(path: string): Promise<number> {
  const names = await readdir(path, { recursive: true });
  return names.filter((each) => asideSuffixes.some((suffix) => each.endsWith(suffix))).length;
}
