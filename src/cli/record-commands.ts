/** A program of the build, not shipped: prints what recorded.ts reads. */
import { summaryOf } from './definitions.ts';
import { createProgram } from './program.ts';
import type { Recorded } from './recorded.ts';
import { openShell } from './terminal/shell.ts';

const program = await createProgram(openShell({ NO_COLOR: '1' }, ''), () => {});
const commands = program.commands.filter((command) => command.name() !== 'help').map(summaryOf);
program.configureOutput({ getOutHelpWidth: () => 80, getOutHasColors: () => false });
const recorded: Recorded = { help: program.helpInformation(), commands };
process.stdout.write(JSON.stringify(recorded));
