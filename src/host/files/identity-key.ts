/**
 * The secret that the processes of one person share, in the data folder: with it, a redirect listener
 * proves to another process that it belongs to the same person. Without a usable folder each process has a
 * key of its own and recognises no other.
 */
import { randomBytes } from 'node:crypto';
import { link } from 'node:fs/promises';
import { join } from 'node:path';
import type { Log } from '../../log.ts';
import { readPrivateFile } from './private-file.ts';
import { FolderTrouble, isSystemFailure, systemCode, usePrivateFolder } from './private-folder.ts';
import { removeFile } from './remove-file.ts';
import { renameOver, writeTemporary } from './write-private-file.ts';

const keyBytes = 32;
const fileName = 'identity.key';

/**
 * Returns a function that gives the key. The key is made on first use and then shared by all processes;
 * until then no file is touched.
 */
export function createIdentityKey(options: {
  readonly dataDir: string;
  readonly log: Log;
}): () => Promise<Uint8Array> {
  const { dataDir, log } = options;
  const alone = randomBytes(keyBytes);
  return async () => {
    try {
      usePrivateFolder(dataDir, { create: true, allowOwnLink: true });
      return await sharedKey(dataDir);
    } catch (error) {
      if (!(error instanceof FolderTrouble) && !isSystemFailure(error)) throw error;
      log('debug', 'the identity key cannot be shared with other processes', {
        code: systemCode(error),
      });
      return alone;
    }
  };
}

/** Read afresh each time, since another process may have replaced a damaged one. */
async function sharedKey(dataDir: string): Promise<Uint8Array> {
  const path = join(dataDir, fileName);
  for (let attempt = 1; ; attempt += 1) {
    // It has two names for a moment, while it is being made.
    const found = readPrivateFile(path, { links: true });
    if (found.state === 'read' && isKey(found.bytes)) return found.bytes;
    if (attempt === 5) throw new FolderTrouble(`${path} cannot be used`);
    // Not synced, to save the wait: if a power cut damages it, it is replaced.
    const temporary = await writeTemporary(dataDir, fileName, randomBytes(keyBytes), {
      sync: false,
    });
    try {
      // If several processes make it at the same time, the first one's stays.
      if (found.state === 'absent') await link(temporary, path);
      else await renameOver(temporary, path);
    } catch (error) {
      const code = systemCode(error);
      // EISDIR is what libuv makes of FAT's refusal on Windows.
      if (['EPERM', 'ENOSYS', 'ENOTSUP', 'EOPNOTSUPP', 'EISDIR'].includes(code)) {
        await renameOver(temporary, path);
      } else if (code !== 'EEXIST') throw error;
    } finally {
      removeFile(temporary);
    }
  }
}

/**
 * After a power cut, some file systems leave zeros in place of the bytes: a key that anybody could guess.
 */
function isKey(bytes: Uint8Array): boolean {
  return bytes.length === keyBytes && bytes.some((byte) => byte !== 0);
}
