/** `serve`, for the help only: main.ts starts the server itself, without loading this room. */
import type { Command } from 'commander';

export function addServe(program: Command): void {
  program
    .command('serve')
    .summary('run the MCP server on stdio (the default)')
    .description(
      'Runs the MCP server on stdio, as without a command. It is started by an MCP host and configured by environment variables, which doctor checks.',
    );
}
