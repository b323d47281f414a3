/**
 * The record store (contract §5): records on disk, and in this process's memory those that could not be
 * written, so that nothing is lost; `memoryOnly` says why. Callers hold the lock that decides which
 * process may write.
 */
import { AccessError } from '../../errors.ts';
import type { Log } from '../../log.ts';
import type { Clock, RecordKind, RecordStore } from '../../session/ports.ts';
import type { Records } from '../../session/records.ts';
import { FolderTrouble, folderFailure, isSystemFailure, systemCode } from './private-folder.ts';
import { type OnDisk, openRecordFiles } from './record-files.ts';
import type { Checkpoint } from './write-private-file.ts';

export interface RecordStoreOptions {
  readonly dataDir: string;
  readonly log: Log;
  readonly clock: Clock;
  /** For tests that stop the process in the middle of a write. */
  readonly checkpoint?: Checkpoint;
}

/** A record that could not be written, or, without `record`, one that could not be removed. */
interface Unwritten {
  readonly kind: RecordKind;
  readonly key: string;
  readonly record: Records[RecordKind] | undefined;
  /** The version on disk at that time. A different one has been written since and takes precedence. */
  readonly over: string | undefined;
}

/** Touches nothing before its first use. */
export function openRecordStore(options: RecordStoreOptions): RecordStore {
  const { dataDir, log, clock, checkpoint } = options;
  const unwritten = new Map<string, Unwritten>();
  const warned = new Set<string>();
  let folderTrouble: string | undefined;
  let writeTrouble: string | undefined;

  const files = openRecordFiles({ dataDir, clock, log, warnOnce, checkpoint });
  const idOf = (kind: RecordKind, key: string): string => `${kind} ${key}`;

  function warnOnce(message: string, fields: Record<string, string> = {}): void {
    const text = message + JSON.stringify(fields);
    if (warned.has(text)) return;
    warned.add(text);
    log('warn', message, fields);
  }

  /** The result of `read`; `otherwise` when the folder cannot be used at all. */
  async function fromDisk<T>(read: () => Promise<T>, otherwise: T): Promise<T> {
    try {
      const found = await read();
      folderTrouble = undefined;
      return found;
    } catch (error) {
      if (error instanceof FolderTrouble) {
        folderTrouble = inMemory(error.message);
        warnOnce(folderTrouble);
        return otherwise;
      }
      if (!isSystemFailure(error)) throw error;
      // A failing disk or too many open files does not mean that there is no record.
      throw new AccessError(
        'store_unavailable',
        `The sessions in ${dataDir} cannot be read (${systemCode(error)}).`,
        [
          { do: 'repair_folder', folder: dataDir },
          {
            when: 'otherwise',
            do: 'set_variables',
            variables: [{ name: 'CF_ACCESS_DATA_DIR', to: 'another folder' }],
          },
        ],
        { cause: error },
      );
    }
  }

  /** The current record: the one in memory, unless another process has written one since. */
  function current<K extends RecordKind>(
    kind: K,
    key: string,
    disk: OnDisk<K>,
  ): Records[K] | undefined {
    const id = idOf(kind, key);
    const kept = unwritten.get(id);
    if (kept === undefined) return disk.record;
    if (disk.identity !== undefined && disk.identity !== kept.over) {
      unwritten.delete(id);
      return disk.record;
    }
    return kept.record as Records[K] | undefined;
  }

  /** Runs `change`, which brings `record` to disk; keeps it in memory if that fails. */
  async function changeDisk<K extends RecordKind>(
    kind: K,
    key: string,
    record: Records[K] | undefined,
    change: () => Promise<void>,
  ): Promise<void> {
    try {
      await change();
      folderTrouble = undefined;
      unwritten.delete(idOf(kind, key));
    } catch (error) {
      // The folder or disk failed, not this program, so memory takes over.
      const isTrouble = error instanceof FolderTrouble;
      if (!isTrouble && !isSystemFailure(error)) throw error;
      const disk = await files.read(kind, key).catch((): OnDisk<K> => ({}));
      unwritten.set(idOf(kind, key), { kind, key, record, over: disk.identity });
      writeTrouble = inMemory(
        isTrouble ? error.message : `${files.folder(kind)} ${folderFailure(systemCode(error))}`,
      );
      warnOnce(writeTrouble);
    }
  }

  return {
    async read<K extends RecordKind>(kind: K, key: string) {
      const disk = await fromDisk((): Promise<OnDisk<K>> => files.read(kind, key), {});
      return current(kind, key, disk);
    },

    async write(kind, key, record) {
      await changeDisk(kind, key, record, () => files.write(kind, key, record));
    },

    async remove(kind, key) {
      await changeDisk(kind, key, undefined, () => files.remove(kind, key));
    },

    async list<K extends RecordKind>(kind: K) {
      const records = new Map<string, Records[K] | undefined>();
      for (const disk of await fromDisk(() => files.list(kind), [])) {
        if (disk.key !== undefined) records.set(disk.key, current(kind, disk.key, disk));
      }
      for (const kept of unwritten.values()) {
        if (kept.kind !== kind || records.has(kept.key)) continue;
        records.set(kept.key, kept.record as Records[K] | undefined);
      }
      return [...records.values()].filter((record) => record !== undefined);
    },

    memoryOnly() {
      return folderTrouble ?? (unwritten.size > 0 ? writeTrouble : undefined);
    },
  };
}

function inMemory(why: string): string {
  return `Sessions are kept in memory only, because ${why}.`;
}
