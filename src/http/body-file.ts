/** A request's body from a file inside the working directory or the host's roots, streamed. */
import { constants, type Stats } from 'node:fs';
import { type FileHandle, open, realpath } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { AccessError } from '../errors.ts';
import type { RepeatableBody } from './request-body.ts';
import { absolutePath, isInside } from './roots.ts';

/** Throws `invalid_input` when the path is not a regular file inside one of the roots. */
export async function fileBody(name: string, roots: readonly string[]): Promise<RepeatableBody> {
  const file = absolutePath(name, roots);
  if (typeof file !== 'string') throw unreadable(name, file.problem);
  const real = await realpath(file).catch((error: NodeJS.ErrnoException) => {
    throw unreadable(
      name,
      error.code === 'ENOENT' ? 'there is no such file' : `it cannot be read (${error.code})`,
    );
  });
  if (!(await isInside(real, roots))) {
    throw unreadable(name, 'it is outside the working directory and the host’s roots');
  }
  const { handle, stats: first } = await openFile(real, name);
  await handle.close();
  return {
    bytes: first.size,
    async open() {
      const { handle: again, stats } = await openFile(real, name);
      if (
        stats.size !== first.size ||
        stats.ino !== first.ino ||
        stats.dev !== first.dev ||
        stats.mtimeMs !== first.mtimeMs
      ) {
        await again.close();
        throw unreadable(name, 'it changed while it was to be sent');
      }
      return read(again, first.size);
    },
  };
}

async function openFile(real: string, name: string): Promise<{ handle: FileHandle; stats: Stats }> {
  // Not blocking: a pipe or a device in the file's place would otherwise hold the call for ever.
  const flags = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);
  const handle = await open(real, flags).catch((error: NodeJS.ErrnoException) => {
    throw unreadable(name, `it cannot be read (${error.code})`);
  });
  const stats = await handle.stat();
  if (stats.isFile()) return { handle, stats };
  await handle.close();
  throw unreadable(name, 'it is not a regular file');
}

function read(handle: FileHandle, size: number): Readable | Promise<Uint8Array> {
  // `end` is inclusive, so there is no way to ask for nothing.
  if (size === 0) return handle.close().then(() => new Uint8Array());
  return handle.createReadStream({ start: 0, end: size - 1, highWaterMark: 256 * 1024 });
}

function unreadable(name: string, problem: string): AccessError {
  return new AccessError(
    'invalid_input',
    `The body cannot be taken from ${JSON.stringify(name)}: ${problem}.`,
    'Give the path of a file inside the working directory or one of the host’s roots.',
  );
}
