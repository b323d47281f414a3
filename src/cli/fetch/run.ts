/** All transfers of a command line, one after another, to curl's exit code: that of the last one. */
import type { Shell } from '../terminal/shell.ts';
import { type OpenRooms, withRooms } from '../with-rooms.ts';
import { type GivenCookies, openCookies } from './cookies/given.ts';
import { CurlFailure, curlFailureIn, exitCodeFor } from './exit-code.ts';
import type { FetchOptions } from './options.ts';
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
  const jar = await openCookies(options, shell);
  let exitCode = 0;
  try {
    for (const transfer of transfers) {
      exitCode = await runOne(shell, transfer, options, open, jar);
      // What is wrong with the command line is wrong with the URLs that follow, too.
      if (exitCode === usageError) break;
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
): Promise<number> {
  let url: URL | undefined;
  let given: Given | undefined;
  const startedAt = performance.now();
  let exitCode = 0;
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
  }
  if (options.writeOut !== undefined && exitCode !== usageError) {
    const seconds = (performance.now() - startedAt) / 1000;
    const effective = url?.href ?? transfer.url;
    const transferred = { url: transfer.url, effective, seconds, exitCode, given };
    const { text, unknown } = writeOut(options.writeOut, transferred);
    shell.out.write(text);
    if (unknown.length > 0 && !options.silent) {
      shell.err.line(
        `Warning: --write-out has no ${unknown.map((name) => `%{${name}}`).join(', ')}.`,
      );
    }
  }
  return exitCode;
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
  if (silent && !showError) return exitCode;
  const { err } = shell;
  if (failure instanceof CurlFailure) {
    err.line(`${err.paint('red', `cloudflare-access-mcp: (${exitCode})`)} ${failure.message}`);
  } else {
    const { tellFailure } = await import('../terminal/failure.ts');
    tellFailure(shell, failure, { url, exitCode });
  }
  return exitCode;
}
