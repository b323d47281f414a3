/**
 * Which user's program is at the other end of a loopback connection. Linux's socket table names the user
 * of each end (proc_net_tcp(5)); other systems tell only root.
 */
import { readFile } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { endianness, release } from 'node:os';
import { ownUserId } from '../files/private-folder.ts';

/** `unknown`: the system does not tell. */
export type ConnectionOwner = 'own' | 'other' | 'unknown';

/** A connected socket, or a copy of its addresses. */
export type ConnectionEnds = {
  readonly [End in 'remoteAddress' | 'remotePort' | 'localAddress' | 'localPort']?:
    | Socket[End]
    | undefined;
};

/** ESTABLISHED; FIN_WAIT1 and 2, of one that has said all it had to and still listens. */
const open: readonly (string | undefined)[] = ['01', '04', '05'];

export async function connectionOwner(
  socket: ConnectionEnds,
  {
    tables = '/proc/net',
    userId = ownUserId(),
    kernel = release(),
    read = readTables,
  }: { tables?: string; userId?: number; kernel?: string; read?: typeof readTables } = {},
): Promise<ConnectionOwner> {
  const { remoteAddress, remotePort, localAddress, localPort } = socket;
  const table = await read(tables);
  if (table === undefined || userId === undefined) return 'unknown';
  // A browser on the Windows side connects through a relay that runs as root, or has no entry here.
  const isWsl = /microsoft/i.test(kernel);
  // The other program's entry is the one whose local end is our remote end.
  const theirs = ends(remoteAddress, remotePort);
  const ours = ends(localAddress, localPort);
  for (const line of table) {
    const [, local = '', remote = '', state, , , , user, , inode] = line.trim().split(/\s+/);
    if (!theirs.includes(local) || !ours.includes(remote)) continue;
    // A socket that no program has open any more has no owner and is listed as root's.
    if (!open.includes(state) || inode === '0') return 'other';
    if (Number(user) === userId) return 'own';
    return isWsl && user === '0' ? 'unknown' : 'other';
  }
  // The connection has closed meanwhile, so nobody is left to answer.
  return isWsl ? 'unknown' : 'other';
}

/**
 * The same for a server with many connections: reading a table takes milliseconds however little is in it,
 * so one reading serves all connections that arrived before it began.
 */
export function createConnectionOwner(): (socket: ConnectionEnds) => Promise<ConnectionOwner> {
  let running: Promise<unknown> = Promise.resolve();
  let next: Promise<string[] | undefined> | undefined;
  const read = (folder: string): Promise<string[] | undefined> => {
    if (next === undefined) {
      const reading = running.then(() => {
        next = undefined;
        return readTables(folder);
      });
      next = reading;
      running = reading;
    }
    return next;
  };
  return (socket) => connectionOwner(socket, { read });
}

async function readTables(folder: string): Promise<string[] | undefined> {
  try {
    const ipv4 = await readFile(`${folder}/tcp`, 'latin1');
    // Missing on a machine without IPv6.
    const ipv6 = await readFile(`${folder}/tcp6`, 'latin1').catch(() => '');
    return `${ipv4}\n${ipv6}`.split('\n');
  } catch {
    return undefined;
  }
}

/** How the tables write an address and a port: 32-bit words in the machine's byte order. */
function ends(address = '', port = 0): string[] {
  const hexPort = port.toString(16).toUpperCase().padStart(4, '0');
  if (address === '::1') return [`${'0'.repeat(24)}${word([0, 0, 0, 1])}:${hexPort}`];
  const ipv4 = word(
    address
      .replace(/^::ffff:/i, '')
      .split('.')
      .map(Number),
  );
  const mapped = `${'0'.repeat(16)}${word([0, 0, 0xff, 0xff])}${ipv4}`;
  return [`${ipv4}:${hexPort}`, `${mapped}:${hexPort}`];
}

function word(bytes: readonly number[]): string {
  const ordered = endianness() === 'LE' ? [...bytes].reverse() : bytes;
  return Buffer.from(ordered).toString('hex').toUpperCase();
}
