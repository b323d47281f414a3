/**
 * The folders that files may be read from and written to: the working directory and the host's roots.
 * Everything is compared after the file system has resolved it, so that no `..` and no link leads out.
 */
import { lstat, realpath } from 'node:fs/promises';
import path from 'node:path';

export type PathProblem = { readonly problem: string };

/** `input`, absolute: relative to the first root. Or why it cannot be one. */
export function absolutePath(input: string, roots: readonly string[]): string | PathProblem {
  const first = roots[0];
  if (first === undefined)
    return { problem: 'there is no folder to take files from or put them into' };
  if (input === '' || input.includes('\0') || input.length > 4096)
    return { problem: 'it is no path' };
  if (input.split(/[/\\]/).includes('..')) return { problem: 'it holds “..”' };
  if (/[/\\]$/.test(input)) return { problem: 'it names a folder, not a file' };
  return path.resolve(first, input);
}

/** The deepest folder on the way to `file` that exists, resolved, when it is in one of the roots. */
export async function existingParent(
  file: string,
  roots: readonly string[],
): Promise<string | PathProblem> {
  let folder = path.dirname(file);
  while (!(await exists(folder))) {
    const above = path.dirname(folder);
    if (above === folder) break;
    folder = above;
  }
  const real = await realpath(folder).catch(() => undefined);
  if (real === undefined) return { problem: 'its folder cannot be reached' };
  return (await isInside(real, roots))
    ? real
    : { problem: 'it is outside the working directory and the host’s roots' };
}

/** Whether `real`, a resolved path, is one of the roots or in one. */
export async function isInside(real: string, roots: readonly string[]): Promise<boolean> {
  for (const root of roots) {
    const realRoot = await realpath(root).catch(() => undefined);
    if (realRoot === undefined) continue;
    const way = path.relative(realRoot, real);
    if (way === '' || (way !== '..' && !way.startsWith(`..${path.sep}`) && !path.isAbsolute(way)))
      return true;
  }
  return false;
}

/** Of the name itself, so that a dangling link exists. */
export async function exists(name: string): Promise<boolean> {
  return lstat(name).then(
    () => true,
    (error: NodeJS.ErrnoException) => error.code !== 'ENOENT' && error.code !== 'ENOTDIR',
  );
}
