/**
 * Reads files that hold secrets, only if they are regular files owned by this user (links are not
 * followed, FIFOs do not block). The folder must have passed `usePrivateFolder`. Synchronously, because
 * the file is small, and Node's thread pool takes longer to start than a command takes to read it.
 */
import {
  type BigIntStats,
  closeSync,
  constants,
  fchmodSync,
  fstatSync,
  openSync,
  readSync,
} from 'node:fs';
import { ownUserId, systemCode } from './private-folder.ts';

export const maxFileBytes = 1024 * 1024;
export const temporarySuffix = '.tmp';

export type FileReading =
  | { readonly state: 'absent' }
  | { readonly state: 'read'; readonly bytes: Buffer; readonly identity: string }
  /** Not a file that this program would write. `identity` is absent when it could not be opened. */
  | { readonly state: 'refused'; readonly why: string; readonly identity?: string };

// Windows has neither flag; there, making symbolic links needs privileges, and FIFOs are not files.
const noFollow = constants.O_NOFOLLOW ?? 0;
const nonBlock = constants.O_NONBLOCK ?? 0;

/**
 * Reads `path`; with `links`, even if the file has a second name (a hard link). Throws system errors that
 * say nothing about the file itself, such as EMFILE or EIO.
 */
export function readPrivateFile(
  path: string,
  { links = false }: { links?: boolean } = {},
): FileReading {
  let file: number;
  try {
    file = openSync(path, constants.O_RDONLY | noFollow | nonBlock);
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
    const found = fstatSync(file, { bigint: true });
    const identity = fileIdentity(found);
    const why = objection(found, links);
    if (why !== undefined) return { state: 'refused', why, identity };
    if ((found.mode & 0o077n) !== 0n && process.platform !== 'win32') tighten(file);
    // One byte more than allowed, so that a file that grows meanwhile is noticed.
    const buffer = Buffer.alloc(Number(found.size) + 1);
    let length = 0;
    while (length < buffer.length) {
      const bytesRead = readSync(file, buffer, length, buffer.length - length, length);
      if (bytesRead === 0) break;
      length += bytesRead;
    }
    return { state: 'read', bytes: buffer.subarray(0, length), identity };
  } finally {
    closeSync(file);
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

function tighten(file: number): void {
  try {
    fchmodSync(file, 0o600);
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
