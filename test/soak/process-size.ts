/** What a process holds, by the kernel's own account. */
import { readdir, readFile, readlink } from 'node:fs/promises';

export async function residentMib(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1]) / 1024;
}

export const handles = async (pid: number) => (await readdir(`/proc/${pid}/fd`)).length;

export async function sockets(pid: number): Promise<number> {
  const folder = `/proc/${pid}/fd`;
  const targets = await Promise.all(
    (await readdir(folder)).map((name) => readlink(`${folder}/${name}`).catch(() => '')),
  );
  return targets.filter((target) => target.startsWith('socket:')).length;
}

/** How much higher the second half of a run peaked than the first. */
export function grownBetweenHalves(samples: readonly number[]): number {
  const half = samples.length >> 1;
  return Math.max(...samples.slice(half)) - Math.max(...samples.slice(0, half));
}
