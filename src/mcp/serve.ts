/**
 * Serves on stdio, and ends the process within a second after stdin ends, on SIGINT or SIGTERM, and when
 * stdout is closed. The SDK's transport does not notice the end of stdin and crashes when stdout is
 * closed.
 */
import { readFileSync } from 'node:fs';
import type { Config, Environment } from '../config/config.ts';
import { createLog } from '../log.ts';
import { once } from '../once.ts';
import type { Rooms } from '../rooms.ts';
import { startFront } from './front.ts';
import type { Handshake } from './handshake.ts';

/** For somebody who starts it in a terminal to see what happens. */
const toPerson =
  'cloudflare-access-mcp runs as an MCP server now, for an MCP host on stdin. Ctrl-D ends it; --help lists its commands.\n';
/** After this time the process ends, even if something has not been closed by then. */
const closingMs = 500;

export function serve({
  config,
  environment,
  version,
  handshake,
}: {
  config: Config;
  environment: Environment;
  version: string;
  /** The handshake file that the build recorded. */
  handshake: URL;
}): void {
  const { stdin, stdout, stderr } = process;
  const log = createLog(config.logLevel, (line) => stderr.write(line));
  for (const warning of config.warnings) log('warn', warning);
  if (stdin.isTTY) stderr.write(toPerson);
  let rooms: Promise<Rooms> | undefined;
  const open = () => {
    rooms ??= import('../rooms.ts').then(({ openRooms }) => openRooms(config, environment, log));
    return rooms;
  };

  let leaving = false;
  let endCalls: (() => Promise<void>) | undefined;
  const leave = () => {
    if (leaving) return;
    leaving = true;
    setTimeout(() => process.exit(0), closingMs);
    // Calls are ended too, so that none leaves a partial file behind. A call that hangs is not waited for.
    const patience = new Promise((resolve) => setTimeout(resolve, closingMs / 2));
    const closed = Promise.resolve(rooms).then((opened) => opened?.close());
    Promise.allSettled([Promise.race([endCalls?.(), patience]), closed]).finally(() =>
      process.exit(0),
    );
  };
  stdin.on('end', leave);
  stdin.on('close', leave);
  process.on('SIGINT', leave);
  process.on('SIGTERM', leave);
  process.on('SIGHUP', leave);
  // The host is gone or no longer reads.
  stdout.on('error', leave);
  // Flushes answers written in this turn of the event loop, which may be the last.
  process.on('exit', () => stdout.uncork());
  stderr.on('error', () => {});
  process.on('uncaughtException', (error) => log('error', 'unexpected', { error: error.name }));
  process.on('unhandledRejection', (reason) =>
    log('error', 'unexpected', { error: reason instanceof Error ? reason.name : typeof reason }),
  );

  const { readOnly } = config.limits;
  const recorded = readHandshake(handshake, readOnly);
  startFront({ input: stdin, output: stdout }, recorded, async (input, output) => {
    const { connectServer } = await import('./server.ts');
    const contexts = once(async () => (await open()).toolCalls());
    endCalls = await connectServer(
      { version, log, readOnly, open: contexts, onClose: leave },
      input,
      output,
    );
  });
}

/** Without the file, the SDK answers everything, which only takes longer. */
function readHandshake(file: URL, readOnly: boolean): Handshake | undefined {
  try {
    const handshake: Handshake = JSON.parse(readFileSync(file, 'utf8'));
    if (!readOnly) return handshake;
    return { ...handshake, lists: { ...handshake.lists, ...handshake.readOnlyLists } };
  } catch {
    return undefined;
  }
}
