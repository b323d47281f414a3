/** All transfers of a command line, one after another, to curl's exit code: that of the last one. */
import type { Shell } from '../terminal/shell.ts';
import { type OpenRooms, withRooms } from '../with-rooms.ts';
import { type GivenCookies, openCookies } from './cookies/given.ts';
import { CurlFailure, curlFailureIn, exitCodeFor } from './exit-code.ts';
import type { FetchOptions } from './options.ts';
import { beginHeads } from './place.ts';
import { runTransfer } from './transfer.ts';
import { planTransfers, type Transfer } from './transfers.ts';
import { type Given, writeOut } from './write-out.ts';

export async function runFetch(
  shell: Shell,
  urls: readonly string[],
  options: FetchOptions,
): Promise<number> {
  const { connectTimeout } = options;
  try {
    const transfers = planTransfers(urls, options);
    return await withRooms(shell, (open) => runAll(shell, transfers, options, open), {
      few: true,
      ...(connectTimeout ? { connectTimeoutMs: connectTimeout * 1000 } : {}),
    });
  } catch (error) {
    return await tell(shell, options, error);
  }
}

async function runAll(
  shell: Shell,
  transfers: readonly Transfer[],
  options: FetchOptions,
  open: OpenRooms,
): Promise<number> {
  await beginHeads(options);
  const jar = await openCookies(options, shell);
  let exitCode = 0;
  try {
    const writeOut = await formatOf(options);
    for (const [number, transfer] of transfers.entries()) {
      exitCode = await runOne(shell, transfer, { ...options, ...writeOut }, open, jar, number);
      // What is wrong with the command line is wrong with the URLs that follow, too.
      if (exitCode === usageError || (exitCode !== 0 && options.failEarly)) break;
    }
  } finally {
    await jar.keep().catch(async (error: unknown) => {
      exitCode ||= await tell(shell, options, error);
    });
  }
  return exitCode;
}

const usageError = 2;

async function runOne(
  shell: Shell,
  transfer: Transfer,
  options: FetchOptions,
  open: OpenRooms,
  jar: GivenCookies,
  number: number,
): Promise<number> {
  let url: URL | undefined;
  let given: Given | undefined;
  const startedAt = performance.now();
  let exitCode = 0;
  let message = '';
  try {
    await runTransfer(transfer, {
      shell,
      options,
      open,
      cookies: await jar.forTransfer(),
      onAnswer({ secrets }) {
        for (const secret of secrets) jar.secrets.add(secret);
      },
      onUrl: (read) => {
        url = read;
      },
      onGiven: (last) => {
        given = last;
      },
    });
  } catch (error) {
    if (open.signal.aborted) throw error;
    exitCode = await tell(shell, options, error, url);
    if (error instanceof Error) ({ message } = curlFailureIn(error) ?? error);
  }
  if (options.writeOut !== undefined && exitCode !== usageError) {
    const seconds = (performance.now() - startedAt) / 1000;
    const effective = url?.href ?? transfer.url;
    const { url: typed } = transfer;
    const transferred = { url: typed, effective, seconds, exitCode, message, number, given };
    const { parts, unknown } = writeOut(options.writeOut, transferred);
    for (const { to, text } of parts) (to === 'stdout' ? shell.out : shell.err).write(text);
    if (unknown.length > 0 && !options.silent) {
      shell.err.line(
        `Warning: --write-out has no ${unknown.map((name) => `%{${name}}`).join(', ')}.`,
      );
    }
  }
  return exitCode;
}

/** `--write-out @file`: what stands in the file. Throws CurlFailure 26. */
async function formatOf({ writeOut }: FetchOptions): Promise<Pick<FetchOptions, 'writeOut'>> {
  if (!writeOut?.startsWith('@')) return {};
  const { readPiece, wholeOf } = await import('./body/pieces.ts');
  const text = (await wholeOf([await readPiece(writeOut.slice(1))])).toString('utf8');
  return { writeOut: text.replace(/[\r\n]/g, '') };
}

/** Returns the exit code. */
async function tell(
  shell: Shell,
  { silent, showError }: FetchOptions,
  error: unknown,
  url?: URL | undefined,
): Promise<number> {
  // Sending wraps what reading a file says.
  const failure = curlFailureIn(error) ?? error;
  const exitCode = exitCodeFor(failure);
  // --silent is about transfers, and a usage error means that there was none.
  if (silent && !showError && exitCode !== usageError) return exitCode;
  const { err } = shell;
  if (failure instanceof CurlFailure) {
    err.line(`${err.paint('red', `cloudflare-access-mcp: (${exitCode})`)} ${failure.message}`);
  } else {
    const { tellFailure } = await import('../terminal/failure.ts');
    tellFailure(shell, failure, { url, exitCode });
  }
  return exitCode;
}
