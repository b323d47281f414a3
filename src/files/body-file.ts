/** A request's body from a file inside the working directory or the host's roots, streamed. */
import { type BigIntStats, constants } from 'node:fs';
import { type FileHandle, open, realpath } from 'node:fs/promises';
import { AccessError } from '../errors.ts';
import type { RepeatableBody } from '../http/request-body.ts';
import { credentialIn } from './credential-content.ts';
import { fileChunks } from './file-chunks.ts';
import { hardLinkInto } from './hard-link.ts';
import { absolutePath, identity, identityOf, type Places, placeProblem } from './roots.ts';

/**
 * Throws `invalid_input` when the path is not a regular file inside one of the roots, or is off limits
 * (see roots.ts).
 */
export async function fileBody(name: string, places: Places): Promise<RepeatableBody> {
  const file = absolutePath(name, places);
  if (typeof file !== 'string') throw unreadable(name, file.problem);
  const judge = async (path: string) => {
    const problem = await placeProblem(path, places);
    if (problem !== undefined) throw unreadable(name, problem);
  };
  // Checked first, so that nobody learns which files exist where nothing may be read.
  await judge(file);
  const real = await realpath(file).catch((error: NodeJS.ErrnoException) => {
    throw unreadable(
      name,
      error.code === 'ENOENT' ? 'there is no such file' : `it cannot be read (${error.code})`,
    );
  });
  const openFile = async () => {
    const opened = await openRegularFile(real, name);
    try {
      // A folder on the path may have become a link since, so the file that was opened is checked again.
      await judge(real);
      if ((await identity(real)) !== identityOf(opened.stats)) throw unreadable(name, changed);
      const credential =
        (await hardLinkInto(opened.stats, places.offLimits)) ?? (await credentialIn(opened.handle));
      if (credential !== undefined) throw unreadable(name, `it is ${credential}`);
      return opened;
    } catch (error) {
      await opened.handle.close();
      throw error;
    }
  };
  const { handle, stats: first } = await openFile();
  await handle.close();
  const bytes = Number(first.size);
  return {
    bytes,
    async open() {
      const { handle: again, stats } = await openFile();
      if (
        stats.size !== first.size ||
        stats.ino !== first.ino ||
        stats.dev !== first.dev ||
        stats.mtimeNs !== first.mtimeNs
      ) {
        await again.close();
        throw unreadable(name, changed);
      }
      return fileChunks(again, bytes);
    },
  };
}

const changed = 'it changed while it was to be sent';

async function openRegularFile(
  real: string,
  name: string,
): Promise<{ handle: FileHandle; stats: BigIntStats }> {
  // Non-blocking: otherwise a pipe or a device in place of the file would block the call indefinitely.
  const flags = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);
  const handle = await open(real, flags).catch((error: NodeJS.ErrnoException) => {
    throw unreadable(name, `it cannot be read (${error.code})`);
  });
  const stats = await handle.stat({ bigint: true });
  if (stats.isFile()) return { handle, stats };
  await handle.close();
  throw unreadable(name, 'it is not a regular file');
}

function unreadable(name: string, problem: string): AccessError {
  return new AccessError(
    'invalid_input',
    `The body cannot be taken from ${JSON.stringify(name)}: ${problem}.`,
    [{ do: 'choose_file', to: 'send', need: 'right_place' }],
  );
}
