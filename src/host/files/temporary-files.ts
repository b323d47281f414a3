/**
 * Files that hold a secret while this process runs, such as a curl configuration: mode 0600, in a folder
 * of this process's own (mode 0700) in the data folder, removed at exit. The files of a killed process are
 * removed by the next process that writes here, on the same machine, in the same PID namespace and since
 * the same boot. Other folders stay: a container may share the data folder, and its processes cannot be
 * seen from here.
 */
import { createHash, randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { open, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { AccessError } from '../../errors.ts';
import { liveness, ownIdentity, type ProcessIdentity } from '../lock/process-identity.ts';
import { FolderTrouble, systemCode, usePrivateFolder } from './private-folder.ts';

export interface OwnTemporaryFiles {
  /** Returns the path. Throws `store_unavailable` when the data folder is not private. */
  write(name: string, content: string): Promise<string>;
  removeAll(): void;
}

export function createTemporaryFiles({ dataDir }: { dataDir: string }): OwnTemporaryFiles {
  const all = join(dataDir, 'temporary');
  const own = ownIdentity();
  const folder = join(all, `${processName(own)}-${randomBytes(8).toString('hex')}`);
  let made = false;

  const make = async (): Promise<void> => {
    usePrivateFolder(dataDir, { create: true, allowOwnLink: true });
    usePrivateFolder(all, { create: true });
    for (const name of await readdir(all)) {
      if (isOfTheDead(name, own)) await rm(join(all, name), { recursive: true, force: true });
    }
    usePrivateFolder(folder, { create: true });
    made = true;
  };

  return {
    async write(name, content) {
      try {
        if (!made) await make();
        const path = join(folder, `${randomBytes(8).toString('hex')}-${name}`);
        const file = await open(path, 'wx', 0o600);
        try {
          await file.writeFile(content);
        } finally {
          await file.close();
        }
        return path;
      } catch (error) {
        const why = error instanceof FolderTrouble ? error.message : systemCode(error);
        throw new AccessError(
          'store_unavailable',
          `The file could not be written to the data folder (${why}).`,
          [
            {
              do: 'set_variables',
              variables: [
                { name: 'CF_ACCESS_DATA_DIR', to: 'a folder of this user that can be written to' },
              ],
            },
            { when: 'otherwise', do: 'print_token' },
          ],
          { cause: error },
        );
      }
    },
    removeAll() {
      // Tried again where Windows has a file still open for the program that reads it.
      if (made) rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 20 });
    },
  };
}

/** A short hash of place and boot (too long for a file name), the process id and the start time. */
function processName({ place, boot, pid, startTime }: ProcessIdentity): string {
  const hash = createHash('sha256')
    .update(JSON.stringify([place, boot]))
    .digest('hex');
  return `${hash.slice(0, 16)}-${pid}-${startTime}`;
}

/** Whether the process that a folder is named after is dead. False when that cannot be told from here. */
function isOfTheDead(name: string, own: ProcessIdentity): boolean {
  const parts = /^[0-9a-f]{16}-([1-9]\d{0,9})-(\d*)-[0-9a-f]{16}$/.exec(name);
  if (!parts) return false;
  const other = { ...own, pid: Number(parts[1]), startTime: parts[2] ?? '' };
  return name.startsWith(`${processName(other)}-`) && liveness(other, own) === 'dead';
}
