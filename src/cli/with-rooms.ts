/** Opens the rooms for one command's work, and closes them whatever the result. */
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
  // A command tells the person itself what a server would log.
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
      void cancellation.interrupted.then(() => {
        shell.out.leave();
        shell.err.leave();
      });
      try {
        return await work({ rooms, config, ...cancellation });
      } finally {
        // A browser that was just started requests its address from this process first.
        if (!leavesAtOnce) await rooms.browsersLed(cancellation.signal);
      }
    });
  } finally {
    // A refresh may still be running, whose new token must be stored.
    await rooms.close(leavesAtOnce ? undefined : bounds.protocolAnswer);
  }
}
