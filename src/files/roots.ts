/**
 * Where files may be read and written for the agent: in the working directory and the host's roots, except
 * what is off limits within them. A host that starts servers in the home folder, or has `/` as a root,
 * would otherwise expose the sessions. Paths are compared after the file system has resolved them, so that
 * no `..`, no link and no other spelling escapes.
 */
import { lstat, readlink, realpath, stat } from 'node:fs/promises';
import path from 'node:path';

export interface Places {
  /** Absolute folders: the working directory, and the host's roots. */
  readonly roots: readonly string[];
  /** Never read or written, even inside a root. */
  readonly offLimits: readonly OffLimits[];
}

export interface OffLimits {
  /** Absolute: a file, or a folder with everything in it. It need not exist yet. */
  readonly path: string;
  /** Ends the sentence “it is …”. */
  readonly what: string;
}

export type PathProblem = { readonly problem: string };

/** `input` as an absolute path, resolved against the first root; or why it is not a valid path. */
export function absolutePath(
  input: string,
  { roots }: Places,
  platform: NodeJS.Platform = process.platform,
): string | PathProblem {
  const first = roots[0];
  if (first === undefined)
    return { problem: 'there is no folder to take files from or put them into' };
  if (input === '' || input.includes('\0') || input.length > 4096)
    return { problem: 'it is not a path' };
  if (input.split(/[/\\]/).includes('..')) return { problem: 'it holds “..”' };
  if (/[/\\]$/.test(input)) return { problem: 'it names a folder, not a file' };
  const problem = platform === 'win32' ? windowsProblem(input, roots) : undefined;
  return problem === undefined ? path.resolve(first, input) : { problem };
}

/**
 * Judged by the words alone. Merely to look where a share leads, Windows would introduce the person to
 * that machine; and behind a colon is a stream of another file, or the folder that a drive was left in.
 */
function windowsProblem(input: string, roots: readonly string[]): string | undefined {
  const isOutside = roots.every((root) => {
    const way = path.win32.relative(root, input);
    return way.startsWith('..') || path.win32.isAbsolute(way);
  });
  if (/^[/\\]{2}/.test(input) && isOutside)
    return 'it is outside the working directory and the host’s roots';
  return input.replace(/^[a-z]:(?=[/\\])/i, '').includes(':')
    ? 'it holds a colon, which no name of a file does'
    : undefined;
}

/** Why `file` may not be read or written, as a clause, if so. Neither it nor its folder need exist. */
export async function placeProblem(file: string, places: Places): Promise<string | undefined> {
  const real = await resolved(file);
  if (!(await isInside(real, places.roots)))
    return 'it is outside the working directory and the host’s roots';
  for (const place of places.offLimits) {
    if (await isAtOrBelow(real, place.path)) return `it is ${place.what}`;
  }
  return undefined;
}

/** Why a file cannot be made there, as a clause, if so. Its folder need not exist. */
export async function newFileProblem(file: string, places: Places): Promise<string | undefined> {
  let folder = path.dirname(file);
  while (!(await exists(folder))) {
    const above = path.dirname(folder);
    if (above === folder) break;
    folder = above;
  }
  // It may be a dangling link, in which case it is unknown where the file would be made.
  const isReached = await realpath(folder).then(
    () => true,
    () => false,
  );
  return isReached ? placeProblem(file, places) : 'its folder cannot be reached';
}

/** Whether `real`, a resolved path, is one of the roots or in one. */
async function isInside(real: string, roots: readonly string[]): Promise<boolean> {
  for (const root of roots) {
    const realRoot = await realpath(root).catch(() => undefined);
    if (realRoot !== undefined && isBelow(real, realRoot)) return true;
  }
  return false;
}

/**
 * Whether `real`, a resolved path, is this file or folder or in it: by name, and by identity on disk,
 * since a folder has many names where case is ignored, and any file may have two.
 */
export async function isAtOrBelow(real: string, place: string): Promise<boolean> {
  if (isBelow(real, await resolved(place))) return true;
  const wanted = await identity(place);
  if (wanted === undefined) return false;
  for (let at = real; ; at = path.dirname(at)) {
    if ((await identity(at)) === wanted) return true;
    if (at === path.dirname(at)) return false;
  }
}

function isBelow(real: string, place: string): boolean {
  const way = path.relative(place, real);
  return way === '' || (way !== '..' && !way.startsWith(`..${path.sep}`) && !path.isAbsolute(way));
}

/** Identifies the file or folder, whatever its name; undefined when there is none. */
export async function identity(name: string): Promise<string | undefined> {
  const found = await stat(name, { bigint: true }).catch(() => undefined);
  return found && identityOf(found);
}

/** Undefined on a file system without inode numbers. */
export function identityOf({ dev, ino }: { dev: bigint; ino: bigint }): string | undefined {
  // On Windows, some versions of libuv return a 64-bit volume number by name and a 32-bit one by handle
  // (libuv #4698).
  return ino === 0n ? undefined : `${BigInt.asUintN(32, dev)}:${ino}`;
}

/**
 * Like `realpath`, but resolves a path that does not exist yet as far as possible, even behind a dangling
 * link.
 */
async function resolved(name: string, links = 0): Promise<string> {
  const real = await realpath(name).catch(() => undefined);
  if (real !== undefined) return real;
  const parent = path.dirname(name);
  if (parent === name) return name;
  const folder = await resolved(parent, links);
  const target = links < 40 ? await readlink(name).catch(() => undefined) : undefined;
  return target === undefined
    ? path.join(folder, path.basename(name))
    : resolved(path.resolve(folder, target), links + 1);
}

/** Looks at the name itself, so that a dangling link exists. */
export async function exists(name: string): Promise<boolean> {
  return lstat(name).then(
    () => true,
    (error: NodeJS.ErrnoException) => error.code !== 'ENOENT' && error.code !== 'ENOTDIR',
  );
}
