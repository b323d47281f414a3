/**
 * When a lock file may be taken over from its owner, and how it is ensured that only one process removes
 * it: removing the file with a certain token requires an exclusive right, which is a lock file too.
 */
import { dirname } from 'node:path';
import type { Clock } from '../../session/ports.ts';
import {
  createLockFile,
  type FoundLock,
  newHolder,
  readLockFile,
  removalPath,
  removeLockFile,
} from './lock-file.ts';
import { liveness, type ProcessIdentity } from './process-identity.ts';

/**
 * A lock file is created with its content, so one without a valid holder is garbage. The short wait is for
 * file systems without hard links, where it is empty for a moment.
 */
const garbageLeaseMs = 2_000;

export interface Takeover {
  /** `watchedMs`: how long this process has watched this same lock. */
  isStale(lock: FoundLock, watchedMs: number): boolean;
  /**
   * Runs `work` with the exclusive right to remove the file at `path` with this token. Returns false,
   * without running it, when another process has that right.
   */
  withRightToRemove(path: string, token: string, work: () => Promise<void>): Promise<boolean>;
}

export function createTakeover(options: {
  readonly own: ProcessIdentity;
  readonly clock: Clock;
  readonly leaseMs: number;
}): Takeover {
  const { own, clock, leaseMs } = options;

  function isStale({ holder, writtenAt }: FoundLock, watchedMs: number): boolean {
    // Absolute: the clock of whoever wrote it may be ahead of ours.
    const ageMs = Math.abs(clock.now() - writtenAt);
    if (holder === undefined) return watchedMs >= garbageLeaseMs;
    switch (liveness(holder.owner, own)) {
      case 'dead':
        return true;
      case 'unknown':
        return ageMs >= leaseMs || watchedMs >= leaseMs;
      case 'alive':
        return watchedMs >= leaseMs;
    }
  }

  async function withRightToRemove(
    path: string,
    token: string,
    work: () => Promise<void>,
  ): Promise<boolean> {
    const right = removalPath(path, token);
    const holder = newHolder(own);
    if (createLockFile(dirname(right), right, holder)) {
      try {
        await work();
      } finally {
        await removeLockFile(right, holder.token);
      }
      return true;
    }
    const found = await readLockFile(right);
    if (found === undefined || !isStale(found, 0)) return false;
    // The previous remover crashed. Take the right to remove its right file, in the same way, and then
    // finish its work.
    return await withRightToRemove(right, found.token, async () => {
      if ((await readLockFile(right))?.token !== found.token) return;
      await work();
      await removeLockFile(right, found.token);
    });
  }

  return { isStale, withRightToRemove };
}
