#!/usr/bin/env node
/**
 * argv and environment in; a server on stdio or a command out. Only this file and
 * host/open-browser.ts, a program of its own, read process.env.
 * At start the server binds nothing, opens nothing and reads no token: hosts start it in pairs.
 */
import { isAbsolute } from 'node:path';
import { homeFolder } from './config/home-folder.ts';
import { isAccessError } from './errors.ts';

/** package.json's, put in by the bundler. */
declare const VERSION: string;

const environment = process.env;
// Whoever asks Node or env-paths for a folder gets one below these, and a relative one would be
// another one in every working directory (the XDG specification has it ignored).
if (process.platform !== 'win32') environment.HOME = homeFolder(environment);
if (!isAbsolute(environment.XDG_DATA_HOME ?? '')) delete environment.XDG_DATA_HOME;
const [command, ...rest] = process.argv.slice(2);

async function run(): Promise<void> {
  if (command !== undefined && !(command === 'serve' && rest.length === 0)) {
    const { runCommand } = await import('./cli/command.ts');
    process.exitCode = await runCommand([command, ...rest], {
      environment,
      version: VERSION,
      summaries: new URL('commands.json', import.meta.url),
    });
    return;
  }
  const { readConfig } = await import('./config/config.ts');
  const { serve } = await import('./mcp/serve.ts');
  serve({
    config: await readConfig(environment),
    environment,
    version: VERSION,
    // Beside this file, wherever the bundler has put the others.
    handshake: new URL('handshake.json', import.meta.url),
  });
}

run().catch(async (error) => {
  process.stderr.write(`cloudflare-access-mcp: ${await wordsFor(error)}\n`);
  process.exitCode = 2;
});

/** For whoever configured the MCP host; loaded only now, since most starts do not fail. */
async function wordsFor(error: unknown): Promise<string> {
  if (!isAccessError(error)) return String(error);
  const { stepForPeople } = await import('./cli/terminal/step-for-people.ts');
  return `${error.message}\n${stepForPeople(error.nextStep, { environment, place: 'server' })}`;
}
