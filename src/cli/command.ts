/**
 * The command line (contract §6): one file a command, parsed by commander. Exit codes 0 (fine),
 * 1 (failed), 2 (usage error); `fetch` ends as curl would.
 */
import { Command, CommanderError } from 'commander';
import type { Environment } from '../config/config.ts';
import { addDemo } from './demo/demo.ts';
import { addDoctor } from './doctor/doctor.ts';
import { addFetch } from './fetch/fetch.ts';
import { addForward } from './forward.ts';
import { addHeaders } from './headers.ts';
import { addLogin } from './login.ts';
import { addLogout } from './logout.ts';
import { addSandbox } from './sandbox/sandbox.ts';
import { addServe } from './serve.ts';
import { addStatus } from './status.ts';
import { openShell, type Shell } from './terminal/shell.ts';
import { addToken } from './token.ts';

/** Does not return while there is output to be taken; then the process ends, whatever is still open. */
export async function runCommand(
  argv: readonly string[],
  { environment, version }: { environment: Environment; version: string },
): Promise<number> {
  const shell = openShell(environment, version);
  const exitCode = await run(argv, shell);
  await flushed(process.stdout);
  const written = tellUnwritten(shell, exitCode);
  await flushed(process.stderr);
  // A sign-in that nobody has finished would keep this process alive for an hour.
  process.exit(written ? exitCode : exitCode || 1);
}

/** curl's code for it: `fetch` has told it already. */
const writeFailed = 23;

/** A result that is not there is a failure, whatever the work came to. */
function tellUnwritten({ out, err }: Shell, exitCode: number): boolean {
  const code = out.trouble();
  if (code === undefined) return true;
  if (exitCode !== writeFailed) {
    const name = err.paint('red', 'cloudflare-access-mcp:');
    err.line(`${name} The output cannot be written (${code}).`);
  }
  return false;
}

async function run(argv: readonly string[], shell: Shell): Promise<number> {
  let exitCode = 0;
  const program = createProgram(shell, (code) => {
    exitCode = code;
  });
  try {
    await program.parseAsync(argv, { from: 'user' });
    return exitCode;
  } catch (error) {
    // Help and version end here too, with 0; commander's own code for misuse is 1.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    throw error;
  }
}

/** Resolves when what was written is taken, or its failure is known. */
function flushed(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => {
    const end = () => setImmediate(resolve);
    // Nothing is written for the sake of asking: even that fails on a full device.
    if (stream.destroyed || stream.writableLength === 0) end();
    else stream.write('', end);
  });
}

/** Public for what prints the help of all commands (docs/command-line.md). */
export function createProgram(shell: Shell, end: (exitCode: number) => void): Command {
  const { out, err, version } = shell;
  const program = new Command('cloudflare-access-mcp')
    .description(
      `Gets you and your agents through Cloudflare Access. Without a command it is an MCP server on stdio.`,
    )
    .version(version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .helpCommand('help [command]', 'print the help of a command')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => out.write(text),
      writeErr: (text) => err.write(text),
      outputError: (text, write) => write(err.paint('red', text)),
      getOutHelpWidth: () => Math.min(out.width, 100),
      getErrHelpWidth: () => Math.min(err.width, 100),
    })
    .configureHelp({
      styleTitle: (text) => out.paint('bold', text),
      styleCommandText: (text) => out.paint('cyan', text),
      styleSubcommandTerm: (text) => out.paint('cyan', text),
      styleOptionTerm: (text) => out.paint('cyan', text),
    })
    .showHelpAfterError('(--help tells more)');
  const add = [
    addLogin,
    addFetch,
    addForward,
    addToken,
    addHeaders,
    addLogout,
    addStatus,
    addDoctor,
    addSandbox,
    addDemo,
  ];
  addServe(program);
  for (const addTo of add) addTo(program, shell, end);
  return program;
}
