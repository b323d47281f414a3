// The program's own --help as Markdown: what each command says of itself, one after the other.
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { root } from './source.js';

/** Printed by the sources, not by a build that may be older. */
export async function commandHelp() {
  const program = await loadProgram();
  const commands = program.commands.filter((command) => command.name() !== 'help');
  return commands
    .map((command) => {
      const names = [command.name(), ...command.aliases()].map((name) => `\`${name}\``).join(', ');
      return `## ${names}\n\n\`\`\`text\n${helpOf(command).trim()}\n\`\`\``;
    })
    .join('\n\n');
}

/** With what commander writes behind the help as well. */
function helpOf(command) {
  let text = '';
  const write = (piece) => {
    text += piece;
  };
  command.configureOutput({
    writeOut: write,
    writeErr: write,
    getOutHelpWidth: () => 100,
    getOutHasColors: () => false,
  });
  command.outputHelp();
  return text;
}

async function loadProgram() {
  const folder = await mkdtemp(join(root, 'dist-help-'));
  try {
    const outfile = join(folder, 'command.mjs');
    await build({
      entryPoints: [join(root, 'src/cli/program.ts')],
      absWorkingDir: root,
      bundle: true,
      splitting: false,
      format: 'esm',
      platform: 'node',
      outfile,
      logLevel: 'error',
      external: ['undici', '@modelcontextprotocol/*', 'oauth4webapi', 'zod'],
      banner: {
        js: "import{createRequire as __c}from'node:module';const require=__c(import.meta.url);",
      },
    });
    const { createProgram } = await import(pathToFileURL(outfile).href);
    return createProgram(silentShell, () => {});
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const silent = {
  isTerminal: false,
  width: 100,
  paint: (_, text) => text,
  write: () => {},
  line: () => {},
};
const silentShell = { out: silent, err: silent, version: '' };
