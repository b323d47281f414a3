/** Where files of answers are: the folders of `--output-dir` and `--create-dirs`, and the file of `--dump-header`. */
import { mkdir, stat, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { CurlFailure } from './exit-code.ts';
import type { FetchOptions } from './options.ts';

/** The path of the file of that name. Throws CurlFailure 23. */
export async function placeFor(
  name: string | undefined,
  { outputDir, createDirs }: Pick<FetchOptions, 'outputDir' | 'createDirs'>,
): Promise<string | undefined> {
  if (name === undefined || name === '-') return name;
  const path = outputDir ? `${outputDir}/${name}` : name;
  // As curl creates them: what was fetched with a credential is not for everybody.
  if (createDirs) await orCannot(path, mkdir(dirname(path), { recursive: true, mode: 0o750 }));
  return path;
}

/**
 * Begins the file of `--dump-header` anew before anything is asked for, as curl does: what stands in it
 * afterwards is of this command, whatever became of it. Throws CurlFailure 23.
 */
export async function beginHeads({ dumpHeader }: Pick<FetchOptions, 'dumpHeader'>): Promise<void> {
  if (dumpHeader === undefined || dumpHeader === '-') return;
  const found = await stat(dumpHeader).catch(() => undefined);
  // A pipe would be at its end for its reader.
  if (!found || found.isFile()) await orCannot(dumpHeader, writeFile(dumpHeader, ''));
}

async function orCannot(path: string, work: Promise<unknown>): Promise<void> {
  await work.catch((error: NodeJS.ErrnoException) => {
    throw new CurlFailure(23, `${JSON.stringify(path)} cannot be written (${error.code}).`, {
      cause: error,
    });
  });
}
