/** `serve`, for the help alone: main.ts starts the server itself, without loading any of this. */
import type { Command } from 'commander';

export function addServe(program: Command): void {
  program
    .command('serve')
    .summary('the MCP server on stdio, as without a command')
    .description(
      'Runs the MCP server on stdio, which is what happens without a command too. A host starts it; it is configured by environment variables, which doctor checks.',
    );
}
