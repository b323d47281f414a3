/**
 * Exclusive files. A lock file appears together with its content in one step (`link`) and names its owner.
 * A process may remove one only while it holds the removal right for exactly that lock: a second exclusive
 * file, named after the first one's token. So a slow process can never remove the lock that replaced the
 * one it found stale, which is how plain "unlink it, create mine" ends with two holders.
 */
import { createHash, randomBytes } from 'node:crypto';
import {
  closeSync,
  constants,
  fchmodSync,
  linkSync,
  openSync,
  readFileSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { lstat, readdir, rename, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import * as v from 'valibot';
import { fileIdentity, readPrivateFile, temporarySuffix } from '../files/private-file.ts';
import { systemCode } from '../files/private-folder.ts';
import { removeFile } from '../files/remove-file.ts';
import { liveness, type ProcessIdentity, processIdentity } from './process-identity.ts';

const noFollow = constants.O_NOFOLLOW ?? 0; // Windows has none

const holder = v.object({
  token: v.pipe(v.string(), v.regex(/^[0-9a-f]{32}$/)),
  owner: processIdentity,
});
export type Holder = v.InferOutput<typeof holder>;

/**
 * A lock file as found. `token` identifies it and is never reused; `holder` is absent when the content is
 * not a lock's.
 */
export interface FoundLock {
  readonly token: string;
  readonly holder?: Holder;
  readonly writtenAt: number;
}

export function newHolder(owner: ProcessIdentity): Holder {
  return { token: randomBytes(16).toString('hex'), owner };
}

export function lockPath(folder: string, name: string): string {
  return join(folder, `${createHash('sha256').update(name).digest('hex').slice(0, 32)}.lock`);
}

/** The file that grants the right to remove the lock at `path` with this token. */
export function removalPath(path: string, token: string): string {
  return `${path}.${token}`;
}

/**
 * Creates `path` with its content; returns false when the name is taken. Synchronous, so that a process
 * that is about to exit has either made the lock and knows it, or never will.
 */
export function createLockFile(folder: string, path: string, content: Holder): boolean {
  const bytes = Buffer.from(JSON.stringify(content));
  const name = `lock.${randomBytes(12).toString('hex')}${temporarySuffix}`;
  const temporary = join(folder, name);
  writeNewFile(temporary, bytes);
  try {
    linkSync(temporary, path);
    return true;
  } catch (error) {
    switch (systemCode(error)) {
      case 'EEXIST':
        return false;
      case 'EPERM':
      case 'ENOSYS':
      case 'ENOTSUP':
      case 'EOPNOTSUPP':
      case 'EISDIR': // what libuv makes of FAT's refusal on Windows
        return createInPlace(path, bytes);
      default:
        throw error;
    }
  } finally {
    removeNow(temporary);
  }
}

/** For file systems without hard links: exclusive too, but visible while still empty. */
function createInPlace(path: string, bytes: Uint8Array): boolean {
  try {
    writeNewFile(path, bytes);
    return true;
  } catch (error) {
    if (systemCode(error) === 'EEXIST') return false;
    throw error;
  }
}

function writeNewFile(path: string, bytes: Uint8Array): void {
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | noFollow;
  const file = openSync(path, flags, 0o600);
  try {
    if (process.platform !== 'win32') fchmodSync(file, 0o600); // whatever the umask
    writeFileSync(file, bytes);
  } catch (error) {
    removeNow(path);
    throw error;
  } finally {
    closeSync(file);
  }
}

/**
 * Gives up the lock at `path` synchronously. False when another process has the right to remove it: either
 * it is about to do so, or it crashed and left the right behind.
 */
export function giveUpLockFile(folder: string, path: string, content: Holder): boolean {
  const right = removalPath(path, content.token);
  if (!createLockFile(folder, right, newHolder(content.owner))) return false;
  try {
    if (readNow(path).includes(content.token)) removeNow(path);
  } catch (error) {
    if (!['ENOENT', 'EISDIR', 'ELOOP'].includes(systemCode(error))) throw error; // no longer ours
  } finally {
    removeNow(right);
  }
  return true;
}

function readNow(path: string): Buffer {
  const file = openSync(path, constants.O_RDONLY | noFollow | (constants.O_NONBLOCK ?? 0));
  try {
    return readFileSync(file);
  } finally {
    closeSync(file);
  }
}

function removeNow(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw error;
  }
}

/** What is at `path`; undefined when nothing is. */
export async function readLockFile(path: string): Promise<FoundLock | undefined> {
  try {
    const found = await lstat(path, { bigint: true });
    const unknown: FoundLock = {
      token: createHash('sha256').update(fileIdentity(found)).digest('hex').slice(0, 32),
      writtenAt: Number(found.mtimeMs),
    };
    if (!found.isFile()) return unknown;
    const reading = readPrivateFile(path, { links: true });
    if (reading.state === 'absent') return undefined;
    if (reading.state === 'refused') return unknown;
    const content = parseHolder(reading.bytes.toString('utf8'));
    if (content === undefined) return unknown;
    return { token: content.token, holder: content, writtenAt: unknown.writtenAt };
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

function parseHolder(text: string): Holder | undefined {
  try {
    const parsed = v.safeParse(holder, JSON.parse(text));
    return parsed.success ? parsed.output : undefined;
  } catch {
    return undefined;
  }
}

/** Removes `path` if its token is still `token`. Only for the holder of the right to remove that lock. */
export async function removeLockFile(path: string, token: string): Promise<void> {
  if ((await readLockFile(path))?.token !== token) return;
  try {
    removeFile(path);
  } catch (error) {
    // A directory that somebody put there: removed if empty, otherwise moved out of the way.
    if (!['EISDIR', 'EPERM'].includes(systemCode(error))) throw error;
    await rmdir(path).catch(() => rename(path, `${path}.${token}.damaged`));
  }
}

/**
 * Deletes removal rights that a crash left behind after the removal itself. Their tokens are never reused,
 * so nobody needs them.
 */
export async function sweepRights(folder: string, own: ProcessIdentity): Promise<void> {
  for (const name of await readdir(folder)) {
    const [, parent, token] =
      /^([0-9a-f]{32}\.lock(?:\.[0-9a-f]{32})*)\.([0-9a-f]{32})$/.exec(name) ?? [];
    if (parent === undefined) continue;
    const right = await readLockFile(join(folder, name));
    if (right?.holder === undefined || liveness(right.holder.owner, own) !== 'dead') continue;
    if ((await readLockFile(join(folder, parent)))?.token === token) continue;
    removeFile(join(folder, name));
  }
}
