/**
 * Exclusive files. A lock file appears with its content in one step (`link`), and says whose it is.
 * It is removed only by who holds the right to remove that very one: a second exclusive file, named
 * after the first one's token. So a slow process can never remove the lock that came after the one
 * it found stale, which is how "unlink it, create mine" ends with two holders.
 */
import { createHash, randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { link, lstat, open, readdir, rename, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod/mini';
import { fileIdentity, readPrivateFile, removeFile, writeTemporary } from './private-file.ts';
import { systemCode } from './private-folder.ts';
import { liveness, type ProcessIdentity, processIdentity } from './process-identity.ts';

const holder = z.object({
  token: z.string().check(z.regex(/^[0-9a-f]{32}$/)),
  owner: processIdentity,
});
export type Holder = z.infer<typeof holder>;

/** A lock file as found. `token` names this one for good; `holder` is absent when it is no lock. */
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

/** The right to remove the lock at `path` whose token this is. */
export function removalPath(path: string, token: string): string {
  return `${path}.${token}`;
}

/** Creates `path` with its content, or gives false when something has that name. */
export async function createLockFile(
  folder: string,
  path: string,
  content: Holder,
): Promise<boolean> {
  const bytes = Buffer.from(JSON.stringify(content));
  const temporary = await writeTemporary(folder, 'lock', bytes, { sync: false });
  try {
    await link(temporary, path);
    return true;
  } catch (error) {
    switch (systemCode(error)) {
      case 'EEXIST':
        return false;
      case 'EPERM':
      case 'ENOSYS':
      case 'ENOTSUP':
      case 'EOPNOTSUPP':
        return await createInPlace(path, bytes);
      default:
        throw error;
    }
  } finally {
    await removeFile(temporary);
  }
}

/** For file systems without links: exclusive too, but seen empty for a moment. */
async function createInPlace(path: string, bytes: Uint8Array): Promise<boolean> {
  try {
    const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL;
    const file = await open(path, flags, 0o600);
    try {
      await file.writeFile(bytes);
    } finally {
      await file.close();
    }
    return true;
  } catch (error) {
    if (systemCode(error) === 'EEXIST') return false;
    throw error;
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
    const reading = await readPrivateFile(path, { links: true });
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
    const parsed = holder.safeParse(JSON.parse(text));
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}

/** Removes `path` if its token is `token` still. Only for who holds the right to remove that one. */
export async function removeLockFile(path: string, token: string): Promise<void> {
  if ((await readLockFile(path))?.token !== token) return;
  try {
    await removeFile(path);
  } catch (error) {
    // A directory. Somebody put it there: removed when empty, otherwise moved out of the way.
    if (!['EISDIR', 'EPERM'].includes(systemCode(error))) throw error;
    await rmdir(path).catch(() => rename(path, `${path}.${token}.damaged`));
  }
}

/**
 * Removes rights to remove that a crash has left behind after the removal. Their tokens never come
 * again, so they mean nothing to anybody.
 */
export async function sweepRights(folder: string, own: ProcessIdentity): Promise<void> {
  for (const name of await readdir(folder)) {
    const [, parent, token] =
      /^([0-9a-f]{32}\.lock(?:\.[0-9a-f]{32})*)\.([0-9a-f]{32})$/.exec(name) ?? [];
    if (parent === undefined) continue;
    const right = await readLockFile(join(folder, name));
    if (right?.holder === undefined || liveness(right.holder.owner, own) !== 'dead') continue;
    if ((await readLockFile(join(folder, parent)))?.token === token) continue;
    await removeFile(join(folder, name));
  }
}
