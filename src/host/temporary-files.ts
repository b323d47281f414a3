/**
 * Files that hold a secret for as long as this process lives, such as a curl configuration: mode
 * 0600, in a folder 0700 of this process's own below the data folder, removed at the end.
 */

import { randomBytes } from 'node:crypto';
import { mkdirSync, rmSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { AccessError } from '../errors.ts';

export interface OwnTemporaryFiles {
  /** Returns the path. Throws `store_unavailable` when the data folder cannot be written to. */
  write(name: string, content: string): Promise<string>;
  removeAll(): void;
}

export function createTemporaryFiles({ dataDir }: { dataDir: string }): OwnTemporaryFiles {
  const folder = join(dataDir, 'temporary', `${process.pid}-${randomBytes(8).toString('hex')}`);
  let made = false;
  return {
    async write(name, content) {
      try {
        mkdirSync(folder, { recursive: true, mode: 0o700 });
        made = true;
        const path = join(folder, `${randomBytes(8).toString('hex')}-${name}`);
        const file = await open(path, 'wx', 0o600);
        try {
          await file.writeFile(content);
        } finally {
          await file.close();
        }
        return path;
      } catch (error) {
        const code = error instanceof Error && 'code' in error ? ` (${error.code})` : '';
        throw new AccessError(
          'store_unavailable',
          `The file could not be written to the data folder${code}.`,
          'Have the person set CF_ACCESS_DATA_DIR to a folder of their own that can be written to; or call get_token with "as": "value".',
          { cause: error },
        );
      }
    },
    removeAll() {
      if (made) rmSync(folder, { recursive: true, force: true });
    },
  };
}
