#!/usr/bin/env node
/**
 * Starts the server on stdio, or runs a command, according to argv and the environment. Only this file and
 * host/browser/open-browser.ts, a separate program, read process.env. At start the server binds no port,
 * opens no file and reads no token, because hosts often start two servers and stop one.
 */
import { isAbsolute } from 'node:path';
import { homeFolder } from './config/home-folder.ts';
import { isAccessError } from './errors.ts';

/** The version in package.json, inserted by the bundler. */
declare const VERSION: string;

const environment = process.env;
// Node and env-paths derive folders from these variables. A relative one would mean another folder in each
// working directory; the XDG specification has it ignored.
if (process.platform !== 'win32') environment.HOME = homeFolder(environment);
if (!isAbsolute(environment.XDG_DATA_HOME ?? '')) delete environment.XDG_DATA_HOME;
const [command, ...rest] = process.argv.slice(2);

async function run(): Promise<void> {
  if (command !== undefined && !(command === 'serve' && rest.length === 0)) {
    const { runCommand } = await import('./cli/command.ts');
    process.exitCode = await runCommand([command, ...rest], {
      environment,
      version: VERSION,
      recorded: new URL('commands.json', import.meta.url),
    });
    return;
  }
  const { readConfig } = await import('./config/config.ts');
  const { serve } = await import('./mcp/serve.ts');
  serve({
    config: await readConfig(environment),
    environment,
    version: VERSION,
    // Beside this file, wherever the bundler puts the other files.
    handshake: new URL('handshake.json', import.meta.url),
  });
}

run().catch(async (error) => {
  process.stderr.write(`cloudflare-access-mcp: ${await wordsFor(error)}\n`);
  process.exitCode = 2;
});

/**
 * The error for the person who configured the MCP host. The texts are loaded only here, since most starts
 * do not fail.
 */
async function wordsFor(error: unknown): Promise<string> {
  if (!isAccessError(error)) return String(error);
  const { stepForPeople } = await import('./cli/terminal/step-for-people.ts');
  return `${error.message}\n${stepForPeople(error.nextStep, { environment, place: 'server' })}`;
}
