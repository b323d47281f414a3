/** How `connect`, `forward` and `tcp` run: they pass the traffic of other programs on to one URL. */
import { checkUrl } from '../access/limits.ts';
import { conclude } from './terminal/conclude.ts';
import type { Shell } from './terminal/shell.ts';
import { type OpenRooms, type WithRoomsOptions, withRooms } from './with-rooms.ts';

/** Event streams, WebSockets and carried connections may stay open for hours. */
const mostConnections = 512;

/**
 * Returns the exit code; a failure is reported for the URL. `readUrl` and `work` may throw AccessError.
 * Throws nothing.
 */
export function passOnTo(
  shell: Shell,
  readUrl: () => URL,
  work: (url: URL, open: OpenRooms) => Promise<number>,
  options: Pick<WithRoomsOptions, 'leavesAtOnce'> = {},
): Promise<number> {
  let given: URL | undefined;
  return conclude(
    shell,
    () => ({ url: given }),
    () => {
      const url = readUrl();
      given = url;
      return withRooms(
        shell,
        (open) => {
          checkUrl(open.rooms.access.limits, url);
          return work(url, open);
        },
        { ...options, connections: mostConnections },
      );
    },
  );
}
