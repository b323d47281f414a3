/**
 * The command line (contract §6): one file a command, parsed by commander. Exit codes 0 (fine),
 * 1 (failed), 2 (misused); `fetch` ends as curl would.
 */
import { Command, CommanderError } from 'commander';
import type { Environment } from '../config.ts';
import { addDemo } from './demo.ts';
import { addDoctor } from './doctor.ts';
import { addFetch } from './fetch.ts';
import { addLogin } from './login.ts';
import { addLogout } from './logout.ts';
import { addSandbox } from './sandbox.ts';
import { addServe } from './serve.ts';
import { openShell, type Shell } from './shell.ts';
import { addStatus } from './status.ts';
import { addToken } from './token.ts';

/** Does not return while there is output to be taken; then the process ends, whatever is still open. */
export async function runCommand(
  argv: readonly string[],
  { environment, version }: { environment: Environment; version: string },
): Promise<number> {
  const exitCode = await run(argv, openShell(environment, version));
  await Promise.all([process.stdout, process.stderr].map(flushed));
  // A sign-in that nobody has finished would keep this process alive for its ten minutes.
  process.exit(exitCode);
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

function flushed(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => {
    if (stream.destroyed) resolve();
    else stream.write('', () => resolve());
  });
}

function createProgram(shell: Shell, end: (exitCode: number) => void): Command {
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
  const add = [addLogin, addFetch, addToken, addLogout, addStatus, addDoctor, addSandbox, addDemo];
  addServe(program);
  for (const addTo of add) addTo(program, shell, end);
  return program;
}
