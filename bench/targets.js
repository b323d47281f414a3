/** The targets as ratios of one run, and what was reached. A figure that was not measured is left out. */

/** @param {Record<string, any>} results */
export function targets({ start, calls, transfer, forward, sessions, install, pages, waiting }) {
  const rows = [];
  const atMost = (figure, value, limit) =>
    rows.push({ figure, target: `≤ ${limit}`, measured: value, reached: value <= limit });
  const atLeast = (figure, value, limit) =>
    rows.push({ figure, target: `≥ ${limit}`, measured: value, reached: value >= limit });
  if (start) {
    atMost('start to tools/list, of the floor', start.ours.ofFloor, 1.5);
    atMost('start to tools/list, of the SDK server', start['sdk-server'].oursOfIt, 0.5);
    atMost('peak memory there, of the floor', start.ours.peakOfFloor, 1.25);
  }
  if (calls) {
    atMost('warm 1 KiB call, ms over plain undici', calls['1 KiB, one at a time'].addedMs, 1.5);
    atLeast('50 at once, of plain undici', calls['1 KiB, 50 at once'].ofUndici, 0.7);
  }
  if (pages) {
    atMost('600 kB page to Markdown, ms', pages['600 kB of documentation']['ours, ms'], 250);
  }
  if (waiting) atMost('longest other call meanwhile, ms', waiting.longestOtherMs, 100);
  if (transfer) {
    atLeast('to a file, of curl', transfer.download.ofCurl, 0.8);
    atMost('first 64 MiB to a file, MiB of growth', transfer.download.firstFileGrownMib, 32);
    atMost('a large file after that, MiB of growth', transfer.download.mostGrownMib, 32);
    atLeast('from a file, of curl', transfer.upload.ofCurl, 0.8);
  }
  if (forward) {
    for (const [name, { ofPlain, mostGrownMib }] of Object.entries(forward)) {
      atLeast(`forward, ${name}, of a plain proxy`, ofPlain, 0.6);
      if (mostGrownMib !== undefined) {
        atMost(`forward, ${name}, MiB of growth`, mostGrownMib, 32);
      }
    }
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
