/**
 * The command line (contract §6): one file per command, parsed by commander. Exit codes 0 (fine), 1
 * (failed), 2 (usage error); `fetch` has curl's exit codes.
 */
import { Command, CommanderError } from 'commander';
import type { Environment } from '../config/config.ts';
import { addSummary, type Definition, definitions, readSummaries } from './definitions.ts';
import { openShell, type Shell } from './terminal/shell.ts';

/** Ends the process once all output has been written, whatever is still open. */
export async function runCommand(
  argv: readonly string[],
  {
    environment,
    version,
    summaries,
  }: {
    environment: Environment;
    version: string;
    /** The file of commands that the build recorded. */
    summaries: URL;
  },
): Promise<number> {
  const shell = openShell(environment, version);
  const exitCode = await run(argv, shell, summaries);
  await shell.out.flushed();
  const written = tellUnwritten(shell, exitCode);
  await shell.err.flushed();
  // An unfinished sign-in would keep this process alive for an hour.
  process.exit(written ? exitCode : exitCode || 1);
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

async function run(argv: readonly string[], shell: Shell, summaries: URL): Promise<number> {
  let exitCode = 0;
  const end = (code: number) => {
    exitCode = code;
  };
  const program = await createProgram(shell, end, { argv, summaries });
  try {
    await program.parseAsync(argv, { from: 'user' });
    return exitCode;
  } catch (error) {
    // Help and version end here too, with 0. Commander's own code for a usage error is 1.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    throw error;
  }
}

function withoutCommands(shell: Shell): Command {
  const { out, err, version } = shell;
  const program = new Command('cloudflare-access-mcp')
    .description(
      `Gets you and your agents through Cloudflare Access. Without a command, it runs as an MCP server on stdio.`,
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
      // Whether colours are wanted is the pens' business; commander would look at the streams.
      getOutHasColors: () => true,
      getErrHasColors: () => true,
    })
    .configureHelp({
      styleTitle: (text) => out.paint('bold', text),
      styleCommandText: (text) => out.paint('cyan', text),
      styleSubcommandTerm: (text) => out.paint('cyan', text),
      styleOptionTerm: (text) => out.paint('cyan', text),
    })
    .showHelpAfterError('(see --help)');
  return program;
}

/**
 * With those commands that `asked` names and what is recorded of the others; without it with all, for
 * what prints the help of each (docs/command-line.md).
 */
export async function createProgram(
  shell: Shell,
  end: (exitCode: number) => void,
  asked?: { readonly argv: readonly string[]; readonly summaries: URL },
): Promise<Command> {
  const program = withoutCommands(shell);
  const isNamed = ({ names }: Definition) => asked?.argv.some((word) => names.includes(word));
  // Whoever names none first, or one that there is not, is told of all.
  const isKnown = definitions.some(({ names }) => names.includes(asked?.argv[0] ?? ''));
  const others = asked && (isKnown ? [] : readSummaries(asked.summaries));
  for (const definition of definitions) {
    const summary = others?.find(({ name }) => definition.names.includes(name));
    if (others === undefined || isNamed(definition)) {
      const add = await definition.load();
      add(program, shell, end);
    } else if (summary) addSummary(program, summary);
  }
  return program;
}
