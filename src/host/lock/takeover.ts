/**
 * When a lock file may be taken from its owner, and how only one process ever removes it: who wants
 * to remove the file with a certain token needs the exclusive right to that, which is a lock file too.
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

/** A lock file is created with its content, so one without any is nobody's; a moment of doubt. */
const garbageLeaseMs = 2_000;

export interface Takeover {
  /** `watchedMs`: how long we have seen this very lock lie there. */
  isStale(lock: FoundLock, watchedMs: number): boolean;
  /**
   * Runs `work` as the only one, ever, who may remove the file at `path` whose token this is; false
   * when somebody else has that right.
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
    // Either sign: the clock that wrote it may be ahead of ours.
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
    // Who had it died before it was done. The right to remove the right is the right.
    return await withRightToRemove(right, found.token, async () => {
      if ((await readLockFile(right))?.token !== found.token) return;
      await work();
      await removeLockFile(right, found.token);
    });
  }

  return { isStale, withRightToRemove };
}
