/**
 * Reads the address at which a browser on another machine ended up, pasted into the terminal because that
 * browser cannot reach the loopback redirection URI (RFC 8252 §7.3) of this machine.
 */
import { createInterface } from 'node:readline';

/** Passes each non-empty line that is typed to `take`, until `stop` is called. */
export function readPasted(take: (line: string) => void): { stop: () => void } {
  const lines = createInterface({ input: process.stdin, terminal: false });
  lines.on('line', (line) => {
    if (line.trim() !== '') take(line);
  });
  return {
    stop() {
      lines.close();
      process.stdin.pause();
      process.stdin.unref?.();
    },
  };
}
