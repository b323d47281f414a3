import type { Log, LogFields, LogLevel } from '../../src/log.ts';

export interface Entry {
  readonly level: LogLevel;
  readonly message: string;
  readonly fields: LogFields;
}

/** A log that keeps what it is told. */
export function recordingLog(): { log: Log; entries: Entry[] } {
  const entries: Entry[] = [];
  return {
    entries,
    log: (level, message, fields = {}) => entries.push({ level, message, fields }),
  };
}
