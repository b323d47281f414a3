/** `-C`: going on with a file that is there in part, if the answer is the rest of it (RFC 9110 §14, §15.3.7, §15.5.17). */
import { stat } from 'node:fs/promises';
import type { Incoming } from '../../http/send.ts';
import { CurlFailure } from './exit-code.ts';

/** The bytes to leave out: as given, or `-` for those that the file has; 0 where there is none. */
export async function resumeOffset(continueAt: string, file: string | undefined): Promise<number> {
  if (continueAt !== '-') return Number(continueAt);
  if (file === undefined) return 0;
  const found = await stat(file).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw new CurlFailure(23, `${JSON.stringify(file)} cannot be gone on with (${error.code}).`);
  });
  if (found && !found.isFile()) {
    throw new CurlFailure(23, `${JSON.stringify(file)} is no file that can be gone on with.`);
  }
  return found?.size ?? 0;
}

/**
 * `rest`: the body belongs behind what is there; `complete`: nothing is missing; `other`: the status says
 * that this is not the file. Throws CurlFailure 33 for an answer that would spoil what is there.
 */
export function judgeResumed(
  { status, headers, url }: Incoming,
  offset: number,
): 'rest' | 'complete' | 'other' {
  const range = headers.get('content-range') ?? '';
  if (status === 416) {
    const size = /^bytes \*\/(\d+)$/.exec(range)?.[1];
    if (size === undefined || Number(size) === offset) return 'complete';
    throw cannotResume(
      `${url.host} has ${size} bytes of it, and ${offset} are there already: it is another file by now`,
    );
  }
  if (status === 206) {
    const start = /^bytes (\d+)-\d+\/(?:\d+|\*)$/.exec(range)?.[1];
    if (start === undefined || Number(start) !== offset) {
      throw cannotResume(`${url.host} was asked for bytes from ${offset} on, and gave others`);
    }
    if (headers.has('content-encoding')) {
      throw cannotResume(
        `${url.host} gave the rest compressed, which does not fit to the beginning`,
      );
    }
    return 'rest';
  }
  if (status >= 200 && status < 300) {
    throw cannotResume(`${url.host} gives no parts of it`);
  }
  return 'other';
}

function cannotResume(why: string): CurlFailure {
  return new CurlFailure(33, `${why}. Nothing was written; fetch it whole, without --continue-at.`);
}
