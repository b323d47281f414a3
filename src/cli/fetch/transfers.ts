/** The transfers that a command line asks for, one a URL, and what cannot go together in it. */
import { CurlFailure } from './exit-code.ts';
import type { FetchOptions, OutputOption } from './options.ts';

export interface Transfer {
  /** As it was typed. */
  readonly url: string;
  /** Absent: stdout. */
  readonly output?: OutputOption;
  /** A file's name, or `-`. */
  readonly upload?: string;
}

/** The first output and upload are for the first URL, and so on. Throws CurlFailure 2. */
export function planTransfers(urls: readonly string[], options: FetchOptions): Transfer[] {
  const [refused] = options.refused;
  if (refused) throw refused;
  checkTogether(options);
  if (urls.length === 0) throw misused('there is no URL to fetch');
  const { outputs, uploads, remoteNameAll } = options;
  return urls.map((url, at) => {
    const output = outputs[at] ?? (remoteNameAll ? ('remote-name' as const) : undefined);
    const upload = uploads[at];
    return { url, ...(output ? { output } : {}), ...(upload ? { upload } : {}) };
  });
}

function checkTogether(options: FetchOptions): void {
  const { data, form, uploads, get, head, continueAt, range, include, remoteHeaderName } = options;
  const requests = [
    data.length > 0 && !get ? '--data' : '',
    form.length > 0 ? '--form' : '',
    uploads.some((name) => name !== '') ? '--upload-file' : '',
    head ? '--head' : '',
  ].filter((name) => name !== '');
  if (requests.length > 1) throw misused(`${list(requests)} are requests of different kinds`);
  if (uploads.filter((name) => name === '-' || name === '.').length > 1) {
    throw misused('stdin can be uploaded a single time');
  }
  if (remoteHeaderName && (include || head)) {
    throw misused(
      '--remote-header-name decides on the file after the headers, which would go into it',
    );
  }
  if (range !== undefined && !/^\d*-?\d*(?:,\d*-\d*)*$/.test(range)) {
    throw misused(`--range takes bytes such as 0-499, 500- or -500, not ${JSON.stringify(range)}`);
  }
  if (continueAt === undefined) return;
  if (!/^(?:-|\d{1,15})$/.test(continueAt)) {
    throw misused('--continue-at takes a number of bytes, or - for those that the file has');
  }
  const clash = [
    ...requests,
    range === undefined ? '' : '--range',
    remoteHeaderName ? '--remote-header-name' : '',
    options.compressed ? '--compressed' : '',
    options.markdown ? '--markdown' : '',
    include ? '--include' : '',
  ].filter((name) => name !== '');
  if (clash.length > 0)
    throw misused(`--continue-at goes on with a plain download, not with ${list(clash)}`);
}

function list(names: readonly string[]): string {
  return names.join(' and ');
}

function misused(why: string): CurlFailure {
  return new CurlFailure(2, `This cannot be done: ${why}.`);
}
