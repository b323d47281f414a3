/** A program of the build, not shipped: prints the commands' lines in the help, for definitions.ts. */
import { Command } from 'commander';
import { definitions, summaryOf } from './definitions.ts';
import { openShell } from './terminal/shell.ts';

const program = new Command();
const shell = openShell({}, '');
for (const { load } of definitions) (await load())(program, shell, () => {});
process.stdout.write(JSON.stringify(program.commands.map(summaryOf)));
