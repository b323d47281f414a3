/**
 * Writes files that hold secrets: atomically (temporary file, fsync, rename, fsync of the folder), with
 * mode 0600. The folder must have passed `usePrivateFolder`.
 */
import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { open, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { whileBusy } from './busy-names.ts';
import { temporarySuffix } from './private-file.ts';
import { systemCode } from './private-folder.ts';
import { removeFile } from './remove-file.ts';

/** The stages of a write, at which tests stop the process. */
export type WritePoint = 'start' | 'created' | 'written' | 'synced' | 'renamed' | 'folder_synced';
export type Checkpoint = (point: WritePoint) => void;

const noFollow = constants.O_NOFOLLOW ?? 0; // Windows has none

/** Creates a file with an unguessable name in `folder`, synced to disk with `sync`. Returns its path. */
export async function writeTemporary(
  folder: string,
  name: string,
  bytes: Uint8Array,
  { sync, checkpoint = () => {} }: { sync: boolean; checkpoint?: Checkpoint },
): Promise<string> {
  const path = join(folder, `${name}.${randomBytes(12).toString('hex')}${temporarySuffix}`);
  checkpoint('start');
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | noFollow;
  const file = await open(path, flags, 0o600);
  try {
    checkpoint('created');
    // The umask may have cleared bits that we need to read it again.
    if (process.platform !== 'win32') await file.chmod(0o600);
    await file.writeFile(bytes);
    checkpoint('written');
    if (sync) await file.sync();
    checkpoint('synced');
  } catch (error) {
    await file.close();
    await removeFile(path);
    throw error;
  }
  await file.close();
  return path;
}

/** Writes `folder/name` atomically. Once it resolves, the file survives a power cut. */
export async function writePrivateFile(
  folder: string,
  name: string,
  bytes: Uint8Array,
  checkpoint: Checkpoint = () => {},
): Promise<void> {
  const temporary = await writeTemporary(folder, name, bytes, { sync: true, checkpoint });
  try {
    await renameOver(temporary, join(folder, name));
  } catch (error) {
    await removeFile(temporary);
    throw error;
  }
  checkpoint('renamed');
  await syncFolder(folder);
  checkpoint('folder_synced');
}

export async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return; // directories cannot be opened there
  const handle = await open(folder, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await handle.sync();
  } catch (error) {
    // Some network file systems have no fsync for folders.
    if (!['EINVAL', 'ENOTSUP', 'EBADF'].includes(systemCode(error))) throw error;
  } finally {
    await handle.close();
  }
}

export function renameOver(from: string, to: string): Promise<void> {
  return whileBusy(() => rename(from, to));
}
