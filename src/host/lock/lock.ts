/**
 * The lock across processes (contract §5): a queue within this process, then an exclusive file. A file
 * whose owner is dead is taken over at once. One whose owner hangs, or cannot be judged from here, is
 * taken over after a lease, so only `work` that ends within 45 seconds is sure to run alone. How long
 * others have held a lock is measured by watching it, since clocks may differ by a day.
 */
import { AccessError } from '../../errors.ts';
import type { Log } from '../../log.ts';
import type { Clock, Lock } from '../../session/ports.ts';
import { whileBusy } from '../files/busy-names.ts';
import { sweep } from '../files/damaged-files.ts';
import {
  FolderTrouble,
  folderFailure,
  systemCode,
  usePrivateFolder,
} from '../files/private-folder.ts';
import {
  createLockFile,
  giveUpLockFile,
  type Holder,
  lockPath,
  newHolder,
  readLockFile,
  removeLockFile,
  sweepRights,
} from './lock-file.ts';
import { ownIdentity } from './process-identity.ts';
import { createQueues } from './queue.ts';
import { createTakeover } from './takeover.ts';

const defaultPatienceMs = 60_000;
const defaultLeaseMs = 45_000;

export interface LockOptions {
  /** Where the lock files are; made when needed. */
  readonly folder: string;
  readonly clock: Clock;
  readonly log: Log;
  /** While it returns a reason, nothing is shared with other processes and no lock file is used. */
  readonly memoryOnly?: () => string | undefined;
  /** Milliseconds after which a lock is taken over from an owner that seems to be alive. */
  readonly leaseMs?: number;
}

export interface FileLock extends Lock {
  /**
   * For a process that is about to exit: gives up all lock files at once. From then on every call of
   * `hold` throws `cancelled`, waiting ones too.
   */
  releaseAll(): void;
  /**
   * The same, but lets running work end first: a refresh whose answer is on its way, for instance, whose
   * new token would otherwise be lost. Resolves after `graceMs` at the latest.
   */
  close(graceMs: number): Promise<void>;
}

export function createLock(options: LockOptions): FileLock {
  const { folder, clock, log, memoryOnly = () => undefined, leaseMs = defaultLeaseMs } = options;
  const own = ownIdentity();
  const { isStale, withRightToRemove } = createTakeover({ own, clock, leaseMs });
  const queues = createQueues(clock);
  const held = new Map<string, Holder>();
  let warned = false;
  let swept = false;
  let closed = false;

  async function acquire(path: string, deadline: number, signal?: AbortSignal): Promise<Holder> {
    const holder = newHolder(own);
    let watched: { token: string; since: number } | undefined;
    usePrivateFolder(folder, { create: true });
    if (!swept) {
      swept = true;
      sweep(folder, clock.now(), log);
      await sweepRights(folder, own).catch((error: unknown) => {
        // It does no harm to leave them.
        log('debug', 'the locks could not be swept', { code: systemCode(error) });
      });
    }
    for (;;) {
      signal?.throwIfAborted();
      const found = await whileBusy(() => readLockFile(path));
      if (closed) throw leaving();
      if (found === undefined) {
        try {
          // Made and known in one go, also at a later attempt.
          const made = await whileBusy(() => {
            if (closed) throw leaving();
            const isOurs = createLockFile(folder, path, holder);
            if (isOurs) held.set(path, holder);
            return isOurs;
          });
          if (made) return holder;
        } catch (error) {
          // Somebody has just removed the folder.
          if (systemCode(error) !== 'ENOENT' || performance.now() >= deadline) throw error;
          usePrivateFolder(folder, { create: true });
        }
        continue;
      }
      const now = performance.now();
      if (watched?.token !== found.token) watched = { token: found.token, since: now };
      if (isStale(found, now - watched.since)) {
        const remove = (): Promise<void> => removeLockFile(path, found.token);
        if (await withRightToRemove(path, found.token, remove)) {
          log('info', 'a lock whose owner is gone was taken over');
          continue;
        }
      }
      if (now >= deadline) throw outOfPatience();
      await clock.sleep(10 + Math.random() * 40, signal);
    }
  }

  async function release(path: string, holder: Holder): Promise<void> {
    if (!held.delete(path)) return; // given up by `releaseAll`
    if (await whileBusy(() => giveUpLockFile(folder, path, holder))) return;
    await withRightToRemove(path, holder.token, () => removeLockFile(path, holder.token));
  }

  function releaseAll(): void {
    closed = true;
    for (const [path, holder] of held) {
      held.delete(path);
      try {
        giveUpLockFile(folder, path, holder);
      } catch (error) {
        // The end of this process frees it in any case.
        log('debug', 'a lock was not given up at exit', { code: systemCode(error) });
      }
    }
  }

  /** The lock file's holder; undefined where no file can be made and only the queue protects. */
  async function acquireFile(
    path: string,
    deadline: number,
    signal?: AbortSignal,
  ): Promise<Holder | undefined> {
    if (memoryOnly() !== undefined) return undefined;
    try {
      return await acquire(path, deadline, signal);
    } catch (error) {
      const code = systemCode(error);
      if (!(error instanceof FolderTrouble) && !unusable.has(code)) throw error;
      const why =
        error instanceof FolderTrouble ? error.message : `${folder} ${folderFailure(code)}`;
      if (!warned) log('warn', `other processes are not waited for, because ${why}`);
      warned = true;
      return undefined;
    }
  }

  return {
    async hold(name, work, { signal, patienceMs = defaultPatienceMs } = {}) {
      signal?.throwIfAborted();
      if (closed) throw leaving();
      const deadline = performance.now() + patienceMs;
      const leave = await queues.enter(name, patienceMs, signal);
      if (leave === undefined) throw outOfPatience();
      try {
        if (closed) throw leaving();
        const path = lockPath(folder, name);
        const holder = await acquireFile(path, deadline, signal);
        try {
          return await work();
        } finally {
          if (holder !== undefined) {
            await release(path, holder).catch((error: unknown) => {
              // The work is done and its result stands; the lease will free the lock.
              log('warn', 'a lock could not be given up', { code: systemCode(error) });
            });
          }
        }
      } finally {
        leave();
      }
    },

    releaseAll,

    async close(graceMs) {
      closed = true;
      const deadline = performance.now() + graceMs;
      while (held.size > 0 && performance.now() < deadline) await clock.sleep(5);
      releaseAll();
    },
  };
}

/** Failures of the folder or disk that keep every process from locking anything there. */
const unusable = new Set(['EROFS', 'EACCES', 'EPERM', 'ENOSPC', 'EDQUOT', 'ENOTDIR']);

function outOfPatience(): AccessError {
  return new AccessError(
    'temporarily_unavailable',
    'Another call or process is still working on the same session, and did not finish in time.',
    [
      { do: 'retry', afterSeconds: 60 },
      { when: 'persists', do: 'end_program', program: 'a hung process of cloudflare-access-mcp' },
    ],
  );
}

function leaving(): AccessError {
  return new AccessError(
    'cancelled',
    'The process is being closed; a sign-in that is open stays open.',
    [{ when: 'restarted', do: 'retry' }],
  );
}
