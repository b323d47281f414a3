/** The targets as ratios of one run, and what was reached. A figure that was not measured is left out. */

/** @param {Record<string, any>} results */
export function targets({
  start,
  commands,
  calls,
  transfer,
  forward,
  connect,
  sessions,
  install,
  pages,
  waiting,
}) {
  const rows = [];
  const atMost = (figure, value, limit) =>
    rows.push({ figure, target: `≤ ${limit}`, measured: value, reached: value <= limit });
  const atLeast = (figure, value, limit) =>
    rows.push({ figure, target: `≥ ${limit}`, measured: value, reached: value >= limit });
  if (start) {
    atMost('start to tools/list, of the floor', start.ours.ofFloor, 1.2);
    atMost('start to tools/list, of the SDK server', start['sdk-server'].oursOfIt, 0.5);
    atMost('peak memory there, of the floor', start.ours.peakOfFloor, 1.25);
  }
  if (commands) {
    atMost('fetch with a session, of a bare script', commands.fetch.ofBareScript, 1.5);
    atMost('token, of Node itself', commands.token.ofNode, 1.6);
    atMost('status, of Node itself', commands.status.ofNode, 1.6);
    atMost('--help, of Node itself', commands['--help'].ofNode, 1.3);
    atMost(
      'start to the first page over MCP, of a bare script',
      commands['first page over MCP'].ofBareScript,
      2.5,
    );
  }
  if (calls) {
    const one = calls['1 KiB, one at a time'];
    atMost('warm 1 KiB call, ms over plain undici', one.addedMs, 1.5);
    atLeast('1 KiB call, of a bare SDK server', one.ofSdkServer, 0.9);
    atLeast('50 at once, of a bare SDK server', calls['1 KiB, 50 at once'].ofSdkServer, 0.95);
  }
  if (pages) {
    atMost('600 kB page to Markdown, ms', pages['600 kB of documentation']['ours, ms'], 250);
  }
  if (waiting) atMost('longest other call meanwhile, ms', waiting.longestOtherMs, 100);
  if (transfer) {
    atLeast('to a file, of curl', transfer.download.ofCurl, 0.9);
    atMost('first 64 MiB to a file, MiB of growth', transfer.download.firstFileGrownMib, 32);
    atMost('a large file after that, MiB of growth', transfer.download.mostGrownMib, 16);
    atLeast('from a file, of curl', transfer.upload.ofCurl, 0.8);
    atMost('the same, MiB of growth', transfer.upload.mostGrownMib, 32);
  }
  if (forward) {
    for (const [name, { ofPlain, mostGrownMib }] of Object.entries(forward)) {
      atLeast(`forward, ${name}, of a plain proxy`, ofPlain, 0.6);
      if (mostGrownMib !== undefined) {
        atMost(`forward, ${name}, MiB of growth`, mostGrownMib, 32);
      }
    }
  }
  if (connect) {
    atMost(
      'connect, a call of 1 KiB, ms over the SDK’s client',
      connect['1 KiB, one at a time'].addedMs,
      2,
    );
  }
  if (sessions) {
    const [few] = sessions;
    const many = sessions.at(-1);
    atMost(
      `call with a lookup, ${many.sessions} sessions, of ${few.sessions}`,
      many.coldCallMs / few.coldCallMs,
      1.1,
    );
  }
  if (install) {
    atMost('packages installed', install.packages, 1);
    atMost('megabytes installed', install.installedMegabytes, 2);
    atMost('install scripts', install.scripts.length, 0);
  }
  return rows;
}
