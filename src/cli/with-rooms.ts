/** The rooms for one command: opened for its work, closed whatever comes of it. */
import { type Config, readConfig } from '../config/config.ts';
import type { ConnectionsOptions } from '../http/connections/connections.ts';
import { bounds } from '../http/waiting/bounds.ts';
import { createLog } from '../log.ts';
import type { Rooms } from '../rooms.ts';
import { type Cancellation, cancellable } from './terminal/cancellation.ts';
import type { Shell } from './terminal/shell.ts';

export interface OpenRooms extends Cancellation {
  readonly rooms: Rooms;
  readonly config: Config;
}

/** A browser that was just started comes to this process first, to be led on. */
const browserPatienceMs = 10_000;

export interface WithRoomsOptions extends ConnectionsOptions {
  /** Whoever started it kills it soon: nothing is waited for at the end. */
  readonly leavesAtOnce?: boolean;
}

/** Throws `config_invalid`, and what `work` throws. */
export async function withRooms<T>(
  shell: Shell,
  work: (open: OpenRooms) => Promise<T>,
  { leavesAtOnce = false, ...options }: WithRoomsOptions = { few: true },
): Promise<T> {
  const { environment, err } = shell;
  const config = await readConfig(environment);
  for (const warning of config.warnings) err.line(`${err.paint('yellow', 'Note:')} ${warning}`);
  // What a server has to log, a command tells the person itself.
  const level = environment.CF_ACCESS_LOG ? config.logLevel : 'error';
  const { openRooms } = await import('../rooms.ts');
  const rooms = openRooms(
    config,
    environment,
    createLog(level, (line) => err.write(line)),
    options,
  );
  try {
    return await cancellable(async (cancellation) => {
      try {
        return await work({ rooms, config, ...cancellation });
      } finally {
        const patience = AbortSignal.timeout(leavesAtOnce ? 0 : browserPatienceMs);
        await rooms.browsersLed(AbortSignal.any([cancellation.signal, patience]));
      }
    });
  } finally {
    // Whoever was waited for may have been left at a refresh, whose new token must be kept.
    await rooms.close(leavesAtOnce ? undefined : bounds.protocolAnswer);
  }
}
