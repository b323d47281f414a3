/**
 * Serving on stdio, and leaving: stdin's end, SIGINT, SIGTERM and a closed stdout all end the process
 * within a second. The SDK's transport does not notice the first and dies of the last.
 */
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js';
import type { Config, Environment } from '../config.ts';
import { createLog } from '../log.ts';
import type { Rooms } from '../rooms.ts';
import { createServer } from './server.ts';

/** After this long the process ends, whatever has not been closed by then. */
const closingMs = 500;

export async function serve({
  config,
  environment,
  version,
}: {
  config: Config;
  environment: Environment;
  version: string;
}): Promise<void> {
  const log = createLog(config.logLevel, (line) => process.stderr.write(line));
  for (const warning of config.warnings) log('warn', warning);
  let rooms: Promise<Rooms> | undefined;
  const open = () => {
    rooms ??= import('../rooms.ts').then(({ openRooms }) => openRooms(config, environment, log));
    return rooms;
  };
  const server = createServer({ version, log, open: async (host) => (await open()).context(host) });

  let leaving = false;
  const leave = () => {
    if (leaving) return;
    leaving = true;
    setTimeout(() => process.exit(0), closingMs);
    Promise.resolve(rooms)
      .then((opened) => opened?.close())
      .finally(() => process.exit(0));
  };
  process.stdin.on('end', () => leave());
  process.stdin.on('close', () => leave());
  process.on('SIGINT', () => leave());
  process.on('SIGTERM', () => leave());
  process.on('SIGHUP', () => leave());
  // The host is gone, or reads no more: nobody is left to serve.
  process.stdout.on('error', () => leave());
  process.stderr.on('error', () => {});
  process.on('uncaughtException', (error) => log('error', 'unexpected', { error: error.name }));
  process.on('unhandledRejection', (reason) =>
    log('error', 'unexpected', { error: reason instanceof Error ? reason.name : typeof reason }),
  );
  await server.connect(new StdioServerTransport());
}
