/** The command line as commander parses it: one file per command. */
import { Command, CommanderError } from 'commander';
import { addSummary, type Definition, definitions } from './definitions.ts';
import type { Summary } from './recorded.ts';
import type { Shell } from './terminal/shell.ts';

/** Returns the exit code: 0 (fine), 1 (failed), 2 (usage error); `fetch` has curl's. */
export async function runProgram(
  argv: readonly string[],
  shell: Shell,
  summaries: readonly Summary[] | undefined,
): Promise<number> {
  let exitCode = 0;
  const end = (code: number) => {
    exitCode = code;
  };
  const program = await createProgram(shell, end, { argv, summaries });
  // Commander would print the help of all commands, and not say that there is no such one.
  const isUnexplained = argv[0] === 'help' && argv[1] !== undefined && !isKnown(argv[1]);
  try {
    await program.parseAsync(isUnexplained ? argv.slice(1, 2) : argv, { from: 'user' });
    return exitCode;
  } catch (error) {
    // Help and version end here too, with 0. Commander's own code for a usage error is 1.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    throw error;
  }
}

function isKnown(word = ''): boolean {
  return definitions.some(({ names }) => names.includes(word));
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
  asked?: { readonly argv: readonly string[]; readonly summaries: readonly Summary[] | undefined },
): Promise<Command> {
  const program = withoutCommands(shell);
  const isNamed = ({ names }: Definition) => asked?.argv.some((word) => names.includes(word));
  // Whoever names none first, or one that there is not, is told of all.
  const others = asked && (isKnown(asked.argv[0]) ? [] : asked.summaries);
  for (const definition of definitions) {
    const summary = others?.find(({ name }) => definition.names.includes(name));
    if (others === undefined || isNamed(definition)) {
      const add = await definition.load();
      add(program, shell, end);
    } else if (summary) addSummary(program, summary);
  }
  return program;
}
