/**
 * Saves an answer's body to a new file inside the working directory or the host's roots: streams it to a
 * temporary name, then gives it its final name, never replacing an existing file. Not synced to disk, like
 * any other download; the SHA-256 in the result shows whether the file is complete.
 */
import { randomBytes } from 'node:crypto';
import {
  type FileHandle,
  link,
  mkdir,
  open,
  realpath,
  rename,
  rmdir,
  unlink,
} from 'node:fs/promises';
import path from 'node:path';
import type { Readable } from 'node:stream';
import type { Abortable } from '../abortable.ts';
import { AccessError } from '../errors.ts';
import { abortFailure, networkFailure } from '../http/failures.ts';
import type { Concealed } from '../secrets/concealer.ts';
import { codeOf, fileFailure, onFile } from './file-failure.ts';
import { absolutePath, exists, newFileProblem, type Places, placeProblem } from './roots.ts';
import { type WrittenBody, writeBody } from './write-body.ts';

export interface SaveOptions extends Places {
  /** As the agent gave it: absolute, or relative to the first root. */
  readonly path: string;
  /** Where the body comes from, for messages. */
  readonly url: URL;
  readonly signal?: Abortable;
  /** Default: 64 GiB. */
  readonly maxBytes?: number;
  /** Called with the bytes written so far, at most every 200 ms. */
  readonly onProgress?: (bytes: number) => void;
}

export interface Saved extends WrittenBody {
  /** Absolute and resolved. */
  readonly path: string;
}

const defaultMaxBytes = 64 * 1024 ** 3;
const progressEveryMs = 200;
/**
 * The path that `saveTo` would write to, checked so that a bad one is refused before anything is sent.
 * Throws `save_refused`.
 */
export async function checkSavePath(options: Places & { path: string }): Promise<string> {
  const file = absolutePath(options.path, options);
  if (typeof file !== 'string') throw refused(options.path, file.problem);
  const problem = await newFileProblem(file, options);
  if (problem !== undefined) throw refused(options.path, problem);
  if (await exists(file)) throw alreadyThere(options.path);
  return file;
}

/**
 * Throws AccessError: `save_refused`, what `Send` throws for a broken body, `response_too_large`,
 * `cancelled`, `timeout`. After a failure nothing is left behind.
 */
export async function saveTo(body: Concealed<Readable>, options: SaveOptions): Promise<Saved> {
  const file = await checkSavePath(options);
  const made = await makeFolder(path.dirname(file), options);
  const folder = await onFile(() => realpath(path.dirname(file)), options.path);
  const target = path.join(folder, path.basename(file));
  const temporary = path.join(folder, `.${randomBytes(8).toString('hex')}.partial`);
  let saved = false;
  try {
    // Whoever made the folder, it may have become a link by now.
    const problem = await placeProblem(target, options);
    if (problem !== undefined) throw refused(options.path, problem);
    const handle = await open(temporary, 'wx+').catch((error) => {
      throw fileFailure(error, options.path);
    });
    try {
      const { bytes, sha256 } = await write(body, handle, options);
      // Network folders report only on close that they are full.
      await onFile(() => handle.close(), options.path);
      if (options.signal?.aborted) throw abortFailure(options.signal, options.url);
      // The folder may have become a link since the check.
      if ((await onFile(() => realpath(temporary), options.path)) !== temporary)
        throw refused(options.path, 'its folder was moved while it was written');
      await giveName(temporary, target, options.path);
      saved = true;
      return { path: target, bytes, sha256 };
    } finally {
      await handle.close().catch(() => {});
      if (!saved) await unlink(temporary).catch(() => {});
    }
  } finally {
    if (!saved) await removeFolders(path.dirname(file), made);
  }
}

async function write(
  body: Concealed<Readable>,
  handle: FileHandle,
  { path: name, url, signal, maxBytes = defaultMaxBytes, onProgress }: SaveOptions,
): Promise<WrittenBody> {
  let reportedAt = performance.now();
  const onBytes = (bytes: number) => {
    if (signal?.aborted) throw abortFailure(signal, url);
    if (bytes > maxBytes) throw tooLarge(url, maxBytes);
    if (onProgress && performance.now() - reportedAt >= progressEveryMs) {
      reportedAt = performance.now();
      onProgress(bytes);
    }
  };
  try {
    return await writeBody(body, handle, { name, onBytes });
  } catch (error) {
    throw networkFailure(error, url, signal);
  }
}

/**
 * `link` fails if the name is taken, even if it was taken this instant; `rename` would replace the file.
 */
async function giveName(temporary: string, target: string, name: string): Promise<void> {
  try {
    await link(temporary, target);
  } catch (error) {
    if (codeOf(error) === 'EEXIST') throw alreadyThere(name);
    // No hard links on this file system (FAT, some network folders): create the file exclusively, then
    // replace that file of our own.
    const ours = await open(target, 'wx').catch((taken) => {
      throw codeOf(taken) === 'EEXIST' ? alreadyThere(name) : fileFailure(taken, name);
    });
    await ours.close();
    await onFile(() => rename(temporary, target), name);
    return;
  }
  // If it is gone, somebody has tidied up; the file has its final name.
  await unlink(temporary).catch((error) => {
    if (codeOf(error) !== 'ENOENT') throw fileFailure(error, name);
  });
}

/**
 * Returns the first folder that had to be made; `undefined` when all existed. Makes one level after the
 * other, because Node's own `recursive` loops endlessly, and cannot be interrupted by signals, where
 * nothing can be made, as in /proc.
 */
async function makeFolder(folder: string, options: SaveOptions): Promise<string | undefined> {
  const missing: string[] = [];
  for (let at = folder; !(await exists(at)); at = path.dirname(at)) missing.unshift(at);
  let first: string | undefined;
  for (const each of missing) {
    try {
      await mkdir(each);
      first ??= each;
    } catch (error) {
      if (codeOf(error) === 'EEXIST') continue;
      await removeFolders(path.dirname(each), first);
      throw fileFailure(error, options.path);
    }
  }
  return first;
}

/** Removes folders made for a file that was not saved in the end, as far as they are empty. */
async function removeFolders(deepest: string, first: string | undefined): Promise<void> {
  if (first === undefined) return;
  for (let folder = deepest; folder.startsWith(first); folder = path.dirname(folder)) {
    if (
      !(await rmdir(folder).then(
        () => true,
        () => false,
      ))
    )
      return;
  }
}

function refused(name: string, problem: string): AccessError {
  return new AccessError(
    'save_refused',
    `Nothing is saved to ${JSON.stringify(name)}: ${problem}.`,
    [{ do: 'choose_file', to: 'save', need: 'right_place' }],
  );
}

function alreadyThere(name: string): AccessError {
  return new AccessError(
    'save_refused',
    `Nothing is saved to ${JSON.stringify(name)}: there is a file of that name already.`,
    [{ do: 'choose_file', to: 'save', need: 'free_name' }],
  );
}

function tooLarge(url: URL, maxBytes: number): AccessError {
  return new AccessError(
    'response_too_large',
    `The answer from ${url.host} is larger than ${maxBytes} bytes; nothing was saved.`,
    [{ do: 'correct_input', with: 'a Range header, if a part of it is enough' }],
  );
}
