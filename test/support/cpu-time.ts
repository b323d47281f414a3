/**
 * Milliseconds of processor time that `work` takes in this process. Unlike the time by the clock, they do
 * not depend on what else the machine is doing.
 */
export function cpuMs(work: () => void): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}
