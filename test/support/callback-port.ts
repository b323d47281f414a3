/**
 * A callback port of a data folder's own: test files run side by side, and a port that one has just
 * left must not be taken by another's server while a sign-in still counts on it.
 */
import { createHash, randomUUID } from 'node:crypto';
import { createServer } from 'node:net';

export function callbackPort(dataDir: string): string {
  // Below the range from which the system gives out ports by itself.
  return String(10_000 + (createHash('sha256').update(dataDir).digest().readUInt16BE() % 20_000));
}

/** Such a port that nobody holds just now, for tests that need one before there is a data folder. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = Number(callbackPort(randomUUID()));
    if (await isFree(port)) return port;
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    // Both families: a port that is taken on one of the loopback addresses is of no use.
    server.listen(port, '::', () => server.close(() => resolve(true)));
  });
}
