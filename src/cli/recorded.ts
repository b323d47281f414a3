/** What the build has recorded of the command line, so that the help loads none of the commands. */
import { readFileSync } from 'node:fs';

export interface Recorded {
  /** For 80 columns, without colours. */
  readonly help: string;
  /** In the order of the help. */
  readonly commands: readonly Summary[];
}

/** A command's line in the help. */
export interface Summary {
  readonly name: string;
  readonly alias?: string;
  readonly summary: string;
  /** As `<url>` or `[url]`. */
  readonly args: readonly string[];
  readonly hasOptions: boolean;
}

/** `undefined` where nothing was recorded: then all are loaded, which only takes longer. */
export function readRecorded(file: URL): Recorded | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return undefined;
  }
}
