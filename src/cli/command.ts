/**
 * The command line (contract §6), from its arguments to the end of the process. What the build recorded is
 * printed as it is; for the rest the program is loaded.
 */
import type { Environment } from '../config/config.ts';
import { readRecorded } from './recorded.ts';
import { openShell, type Shell } from './terminal/shell.ts';

/** Ends the process once all output has been written, whatever is still open. */
export async function runCommand(
  argv: readonly string[],
  {
    environment,
    version,
    recorded,
  }: {
    environment: Environment;
    version: string;
    /** The file of the help and the commands that the build recorded. */
    recorded: URL;
  },
): Promise<number> {
  const shell = openShell(environment, version);
  process.once('beforeExit', () => tellNoResult(shell));
  const { help, commands } = readRecorded(recorded) ?? {};
  let exitCode = 0;
  if (help !== undefined && isHelp(argv) && !shell.out.wantsColours()) shell.out.write(help);
  else {
    const { runProgram } = await import('./program.ts');
    exitCode = await runProgram(argv, shell, commands);
  }
  await shell.out.flushed();
  const written = tellUnwritten(shell, exitCode);
  await shell.err.flushed();
  // An unfinished sign-in would keep this process alive for an hour.
  process.exit(written ? exitCode : exitCode || 1);
}

/**
 * Node ends a process with 0 once nothing is open, although something is still waited for: a script would take that
 * for success.
 */
function tellNoResult({ err }: Shell): void {
  process.exitCode = 1;
  const name = err.paint('red', 'cloudflare-access-mcp:');
  err.line(`${name} The command has come to no result. That is a fault of this program.`);
}

/** curl's exit code for this failure, which `fetch` has already reported. */
const writeFailed = 23;

/** Output that could not be written is a failure, whatever the command's result. */
function tellUnwritten({ out, err }: Shell, exitCode: number): boolean {
  const code = out.trouble();
  if (code === undefined) return true;
  if (exitCode !== writeFailed) {
    const name = err.paint('red', 'cloudflare-access-mcp:');
    err.line(`${name} The output cannot be written (${code}).`);
  }
  return false;
}

function isHelp([first = '', ...rest]: readonly string[]): boolean {
  return rest.length === 0 && ['help', '--help', '-h'].includes(first);
}
