/**
 * The address that a browser on another machine ended at, pasted into the terminal: RFC 8252's loopback
 * redirection for a loopback that the browser cannot reach.
 */
import { createInterface } from 'node:readline';

/** Hands each line that is typed to `take`, until `stop` is called. */
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
