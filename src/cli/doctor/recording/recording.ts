/**
 * The file that `doctor --record` writes: requests and answers without anything private. Format 1: text
 * with placeholders (words.ts), instants relative to the answer, tokens in a separate table.
 */
import { type FileHandle, open, rm } from 'node:fs/promises';
import { AccessError } from '../../../errors.ts';
import { systemCode } from '../../../host/files/private-folder.ts';
import type { Written } from './documents.ts';
import type { Fields } from './fields.ts';

export const format = 'cloudflare-access-mcp recording 1';

export interface Recording {
  readonly format: typeof format;
  /** The version of the program that made it. */
  readonly made_by: string;
  /** The URL that was recorded. */
  readonly url: string;
  readonly exchanges: readonly Exchange[];
  /** By the names of their placeholders. */
  readonly tokens: Readonly<Record<string, WrittenToken>>;
}

export interface Exchange {
  readonly question: string;
  /** `fields`: one `name: value` each. */
  readonly request: {
    readonly method: string;
    readonly url: string;
    readonly fields: readonly string[];
  };
  /** Absent if there was no answer, for which `failure` gives the reason. */
  readonly answer?: Answer;
  /** An error code (contract §3). */
  readonly failure?: string;
  readonly verdict: Verdict;
}

export interface Answer {
  readonly status: number;
  readonly fields: readonly string[];
  readonly other_fields: Fields['others'];
  /** Null if there was none, or if it is the application’s own, which is not recorded. */
  readonly body:
    | { readonly json: Written }
    | { readonly html: string }
    | { readonly text: string }
    | null;
}

/** The comparison with docs/cloudflare-access.md. */
export interface Verdict {
  readonly is: 'as documented' | 'different' | 'not documented';
  /** The section, and the case in it with which the answer was compared. */
  readonly compared_with: string;
  /** How it differs. */
  readonly how?: readonly string[];
}

export interface WrittenToken {
  readonly header: Written;
  readonly claims: Written;
  readonly signature: 'holds' | 'does not hold' | 'unknown key';
}

export interface RecordingFile {
  readonly path: string;
  write(recording: Recording): Promise<void>;
  /** Must always be called; it removes the file if nothing was written to it. */
  close(): Promise<void>;
}

/** Creates the file before any request is sent, so that none is sent in vain. Throws `invalid_input`. */
export async function openRecording(path: string): Promise<RecordingFile> {
  const file = await newFile(path);
  let written = false;
  return {
    path,
    async write(recording) {
      await file.writeFile(`${JSON.stringify(recording, null, 2)}\n`);
      await file.sync();
      written = true;
    },
    async close() {
      await file.close();
      if (!written) await rm(path, { force: true });
    },
  };
}

async function newFile(path: string): Promise<FileHandle> {
  try {
    return await open(path, 'wx', 0o600);
  } catch (error) {
    const code = systemCode(error);
    if (code === '') throw error;
    throw new AccessError(
      'invalid_input',
      code === 'EEXIST'
        ? `${path} exists already, and existing files are not replaced.`
        : `${path} cannot be created (${code}).`,
      [
        {
          do: 'choose_file',
          to: 'save',
          need: code === 'EEXIST' ? 'free_name' : 'writable_folder',
        },
      ],
    );
  }
}
