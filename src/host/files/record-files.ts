/**
 * Records on disk: one private file each, `<data folder>/<kind>s/<hash of its key>.json`. An unusable file
 * at that name is set aside. Throws FolderTrouble and system errors; the store decides what to do when the
 * disk fails.
 */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Log } from '../../log.ts';
import type { Clock, RecordKind } from '../../session/ports.ts';
import type { Records } from '../../session/records.ts';
import { asideSuffixes, setAside, sweep } from './damaged-files.ts';
import { readPrivateFile } from './private-file.ts';
import { isSystemFailure, systemCode, usePrivateFolder } from './private-folder.ts';
import { decodeRecord, encodeRecord, recordFileName, recordSuffix } from './record-file.ts';
import { removeFile } from './remove-file.ts';
import type { Checkpoint } from './write-private-file.ts';

/** A file as found; empty when there is no usable one. */
export interface OnDisk<K extends RecordKind> {
  readonly key?: string;
  readonly record?: Records[K];
  /** Names this version of the file. Present for a record of a newer format too. */
  readonly identity?: string;
}

export interface RecordFiles {
  folder(kind: RecordKind): string;
  read<K extends RecordKind>(kind: K, key: string): Promise<OnDisk<K>>;
  write<K extends RecordKind>(kind: K, key: string, record: Records[K]): Promise<void>;
  remove(kind: RecordKind, key: string): Promise<void>;
  list<K extends RecordKind>(kind: K): Promise<OnDisk<K>[]>;
}

export function openRecordFiles(options: {
  readonly dataDir: string;
  readonly clock: Clock;
  readonly log: Log;
  /** Logs a message, unless it has been logged before. */
  readonly warnOnce: (message: string, fields?: Record<string, string>) => void;
  readonly checkpoint?: Checkpoint | undefined;
}): RecordFiles {
  const { dataDir, clock, log, warnOnce, checkpoint } = options;
  /** Kinds whose folders this process has checked. */
  const ready = new Set<RecordKind>();
  const folder = (kind: RecordKind): string => join(dataDir, `${kind}s`);

  async function use(kind: RecordKind, create: boolean): Promise<boolean> {
    if (ready.has(kind)) return true;
    const data = usePrivateFolder(dataDir, { create, allowOwnLink: true });
    if (data === 'absent') return false;
    if (usePrivateFolder(folder(kind), { create }) === 'absent') return false;
    ready.add(kind);
    sweep(folder(kind), clock.now(), log);
    return true;
  }

  function namesIn(kind: RecordKind): string[] {
    try {
      return readdirSync(folder(kind));
    } catch (error) {
      if (systemCode(error) !== 'ENOENT') throw error;
      ready.delete(kind);
      return [];
    }
  }

  async function readNamed<K extends RecordKind>(
    kind: K,
    name: string,
  ): Promise<OnDisk<K> & { newer?: true }> {
    const found = readPrivateFile(join(folder(kind), name));
    if (found.state === 'absent') return {};
    if (found.state === 'refused') return await refuse(kind, name, found.why, found.identity);
    const { identity } = found;
    const decoded = decodeRecord(kind, name, found.bytes);
    switch (decoded.state) {
      case 'record':
        return { key: decoded.key, record: decoded.record, identity };
      case 'newer':
        // The newer program that wrote it may still be running, so it stays until this one has a record to
        // put in its place.
        warnOnce('a record was written by a newer version and is not used', { kind, file: name });
        return { identity, newer: true };
      case 'damaged':
        return await refuse(kind, name, decoded.why, identity);
    }
  }

  async function refuse(
    kind: RecordKind,
    name: string,
    why: string,
    identity: string | undefined,
  ): Promise<Record<never, never>> {
    try {
      const aside = await setAside(folder(kind), name, 'damaged', identity);
      log('warn', `a record was set aside: ${why}`, { kind, file: name, aside });
    } catch (error) {
      // It cannot be moved, on a read-only disk for instance, and is ignored all the same.
      if (!isSystemFailure(error)) throw error;
      warnOnce(`a record is not used: ${why}`, { kind, file: name, code: systemCode(error) });
    }
    return {};
  }

  return {
    folder,

    async read(kind, key) {
      return (await use(kind, false)) ? await readNamed(kind, recordFileName(key)) : {};
    },

    async write(kind, key, record) {
      const name = recordFileName(key);
      const write = async (): Promise<void> => {
        await use(kind, true);
        // Reading sets a damaged or foreign file aside; one of a newer format is set aside here.
        const before = await readNamed(kind, name);
        if (before.newer) {
          const aside = await setAside(folder(kind), name, 'newer', before.identity);
          log('warn', 'a newer version’s record was set aside and replaced', { kind, aside });
        }
        const { writePrivateFile } = await import('./write-private-file.ts');
        await writePrivateFile(folder(kind), name, encodeRecord(kind, key, record), checkpoint);
      };
      try {
        await write();
      } catch (error) {
        ready.delete(kind); // check it again
        // Somebody has just removed the folder, or our temporary file in it.
        if (systemCode(error) !== 'ENOENT') throw error;
        await write();
      }
    },

    async remove(kind, key) {
      if (!(await use(kind, false))) return;
      const path = join(folder(kind), recordFileName(key));
      try {
        for (const suffix of ['', ...asideSuffixes]) removeFile(path + suffix);
        const { syncFolder } = await import('./write-private-file.ts');
        await syncFolder(folder(kind));
      } catch (error) {
        ready.delete(kind);
        if (systemCode(error) !== 'ENOENT') throw error;
      }
    },

    async list(kind) {
      if (!(await use(kind, false))) return [];
      const names = namesIn(kind);
      const found = [];
      for (const name of names) {
        if (name.endsWith(recordSuffix)) found.push(await readNamed(kind, name));
      }
      return found;
    },
  };
}
