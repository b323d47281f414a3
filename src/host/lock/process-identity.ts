/**
 * Identifies a process so that another one can tell later whether it is still running. A process id is not
 * enough, because ids are reused. On Linux the start time (proc(5), /proc/<pid>/stat, field 22, in ticks
 * since boot) tells them apart; elsewhere a process that seems to live is merely `unknown`.
 */
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import * as v from 'valibot';
import { systemCode } from '../files/private-folder.ts';

export const processIdentity = v.object({
  pid: v.pipe(v.number(), v.safeInteger(), v.gtValue(0)),
  /** Where the pid is valid: the machine's name and the PID namespace. */
  place: v.string(),
  boot: v.string(),
  startTime: v.string(),
});
export type ProcessIdentity = v.InferOutput<typeof processIdentity>;

/** `unknown`: it cannot be told from here whether it is running. */
export type Liveness = 'alive' | 'dead' | 'unknown';

/** This process. */
export function ownIdentity(): ProcessIdentity {
  return {
    pid: process.pid,
    place: `${hostname()} ${orEmpty(() => readlinkSync('/proc/self/ns/pid'))}`,
    boot: orEmpty(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()),
    startTime: procStat(process.pid)?.startTime ?? '',
  };
}

export function liveness(other: ProcessIdentity, own: ProcessIdentity): Liveness {
  if (other.place !== own.place) return 'unknown';
  if (other.boot !== own.boot) return 'dead';
  try {
    process.kill(other.pid, 0);
  } catch (error) {
    // EPERM: another user's process has the id now; the start time decides below.
    if (systemCode(error) === 'ESRCH') return 'dead';
  }
  if (other.startTime === '' || own.startTime === '') return 'unknown';
  const now = procStat(other.pid);
  if (now === undefined || now.startTime !== other.startTime) return 'dead';
  // A zombie: it has ended, and keeps its id until its parent waits for it.
  return now.state === 'Z' || now.state === 'X' ? 'dead' : 'alive';
}

function procStat(pid: number): { state: string; startTime: string } | undefined {
  const text = orEmpty(() => readFileSync(`/proc/${pid}/stat`, 'utf8'));
  // The second field is the program's name in parentheses, which may contain any character.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const [state, startTime] = [fields[0], fields[19]];
  return state && startTime ? { state, startTime } : undefined;
}

function orEmpty(read: () => string): string {
  try {
    return read();
  } catch {
    return ''; // not Linux, or the process has ended
  }
}
