/**
 * Files that hold secrets. They are read only if they are regular files owned by this user (links are not
 * followed, FIFOs do not block), and written atomically (temporary file, fsync, rename, fsync of the
 * folder) with mode 0600. The folder must have passed `usePrivateFolder`.
 */
import { type BigIntStats, constants } from 'node:fs';
import { type FileHandle, open, rename, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { whileBusy } from './busy-names.ts';
import { ownUserId, systemCode } from './private-folder.ts';

export const maxFileBytes = 1024 * 1024;
export const temporarySuffix = '.tmp';

export type FileReading =
  | { readonly state: 'absent' }
  | { readonly state: 'read'; readonly bytes: Buffer; readonly identity: string }
  /** Not a file that this program would write. `identity` is absent when it could not be opened. */
  | { readonly state: 'refused'; readonly why: string; readonly identity?: string };

/** The stages of a write, at which tests stop the process. */
export type WritePoint = 'start' | 'created' | 'written' | 'synced' | 'renamed' | 'folder_synced';
export type Checkpoint = (point: WritePoint) => void;

// Windows has neither flag; there, making symbolic links needs privileges, and FIFOs are not files.
const noFollow = constants.O_NOFOLLOW ?? 0;
const nonBlock = constants.O_NONBLOCK ?? 0;

/**
 * Reads `path`; with `links`, even if the file has a second name (a hard link). Throws system errors that
 * say nothing about the file itself, such as EMFILE or EIO.
 */
export async function readPrivateFile(
  path: string,
  { links = false }: { links?: boolean } = {},
): Promise<FileReading> {
  let file: FileHandle;
  try {
    file = await open(path, constants.O_RDONLY | noFollow | nonBlock);
  } catch (error) {
    switch (systemCode(error)) {
      case 'ENOENT':
        return { state: 'absent' };
      case 'ELOOP':
      case 'EMLINK': // what FreeBSD says for O_NOFOLLOW
        return { state: 'refused', why: 'it is a symbolic link' };
      case 'EACCES':
      case 'EPERM':
        return { state: 'refused', why: 'it cannot be read by this user' };
      case 'ENXIO':
      case 'EOPNOTSUPP':
      case 'EISDIR':
        return { state: 'refused', why: 'it is not a file' };
      default:
        throw error;
    }
  }
  try {
    const found = await file.stat({ bigint: true });
    const identity = fileIdentity(found);
    const why = objection(found, links);
    if (why !== undefined) return { state: 'refused', why, identity };
    if ((found.mode & 0o077n) !== 0n && process.platform !== 'win32') await tighten(file);
    // One byte more than allowed, so that a file that grows meanwhile is noticed.
    const buffer = Buffer.alloc(Number(found.size) + 1);
    let length = 0;
    while (length < buffer.length) {
      const { bytesRead } = await file.read(buffer, length, buffer.length - length, length);
      if (bytesRead === 0) break;
      length += bytesRead;
    }
    return { state: 'read', bytes: buffer.subarray(0, length), identity };
  } finally {
    await file.close();
  }
}

/** Names one written version of a file: a rewritten file has another one. */
export function fileIdentity({
  dev,
  ino,
  mtimeNs,
  size,
}: Pick<BigIntStats, 'dev' | 'ino' | 'mtimeNs' | 'size'>): string {
  // On Windows some versions of libuv give a volume's number 64 bits by name and 32 by handle (its #4698).
  return `${BigInt.asUintN(32, dev)}:${ino}:${mtimeNs}:${size}`;
}

async function tighten(file: FileHandle): Promise<void> {
  try {
    await file.chmod(0o600);
  } catch (error) {
    if (systemCode(error) !== 'EROFS') throw error; // on a read-only file system nobody can change it
  }
}

function objection(found: BigIntStats, links: boolean): string | undefined {
  const own = ownUserId();
  if (!found.isFile()) return 'it is not a file';
  if (own !== undefined && found.uid !== BigInt(own)) return 'it belongs to another user';
  if (found.nlink > 1n && !links) return 'it has a second name (a hard link)';
  if (found.size > BigInt(maxFileBytes)) return 'it is too large';
  return undefined;
}

/** Creates a file with an unguessable name in `folder`, synced to disk with `sync`. Returns its path. */
export async function writeTemporary(
  folder: string,
  name: string,
  bytes: Uint8Array,
  { sync, checkpoint = () => {} }: { sync: boolean; checkpoint?: Checkpoint },
): Promise<string> {
  const { randomBytes } = await import('node:crypto');
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

/** Removes a file, if it is there. */
export async function removeFile(path: string): Promise<void> {
  try {
    await unlink(path);
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw error;
  }
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
