/** What `-T` sends: a file, or stdin as it comes. */
import path from 'node:path';
import type { RepeatableBody } from '../../../http/request-body.ts';
import { CurlFailure } from '../exit-code.ts';
import { bodyOf, readPiece } from './pieces.ts';

export interface Upload {
  readonly body: RepeatableBody;
  /** It can be sent a single time: it must not meet a challenge. */
  readonly once: boolean;
}

export function isStdin(name: string): boolean {
  return name === '-' || name === '.';
}

/** Throws CurlFailure 26. */
export async function uploadOf(name: string): Promise<Upload> {
  if (!isStdin(name)) return { body: bodyOf([await readPiece(name)]), once: false };
  let taken = false;
  const body: RepeatableBody = {
    async open() {
      if (taken) {
        throw new CurlFailure(
          65,
          'What came from stdin would have to be sent once more, and is not kept: put it into a file and give that to --upload-file.',
        );
      }
      taken = true;
      return process.stdin;
    },
  };
  return { body, once: true };
}

/** A URL that ends in “/” is a folder's, as with curl: the file keeps its name there. */
export function nameInto(url: URL, upload: string): void {
  if (isStdin(upload) || !url.pathname.endsWith('/')) return;
  url.pathname += encodeURIComponent(path.basename(upload));
}
