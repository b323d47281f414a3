/** 1 GiB down to a file and up from one, beside curl: throughput, and how much the server's memory grows. */
import { createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { temporaryFolder } from './folder.js';
import { startHost } from './host.js';
import { forgetPeak, mebibyte, memory, run } from './processes.js';
import { startOrigin } from './session.js';
import { median, pairedRatio, sideBySide } from './statistics.js';

/** @param {{ rounds: number, bytes?: number, nodeArgs?: readonly string[] }} options */
export async function measureTransfer({ rounds, bytes = 1024 * mebibyte, nodeArgs = [] }) {
  const origin = await startOrigin();
  const { dataDir, token } = origin;
  // Not the data folder: nothing is read from there or saved to it.
  const folder = await temporaryFolder();
  const host = await startHost({ dataDir, cwd: folder.path, nodeArgs });
  const source = join(folder.path, 'source');
  const target = join(folder.path, 'target');
  const down = origin.url(`/bytes/${bytes}`);
  const up = origin.url('/upload');
  const authorization = `Authorization: Bearer ${token}`;

  const timed = async (work) => {
    await rm(target, { force: true });
    const startedAt = performance.now();
    await work();
    return bytes / mebibyte / ((performance.now() - startedAt) / 1000);
  };
  const watched = async (work) => {
    forgetPeak(host.pid);
    const before = memory(host.pid).nowMib;
    const mibPerSecond = await timed(work);
    return { mibPerSecond, grownMib: memory(host.pid).peakMib - before };
  };
  const curl = (...args) => run('curl', ['--silent', '--fail', '-H', authorization, ...args]);

  try {
    await writeRandom(source, bytes);
    // The collector lets a few tens of MiB of garbage lie before it works, whatever the size: told apart
    // from growth by a first file.
    await host.fetch(origin.url('/bytes/1000000'), { save_to: 'loads-the-code' });
    forgetPeak(host.pid);
    const idleMib = memory(host.pid).nowMib;
    await host.fetch(origin.url(`/bytes/${64 * mebibyte}`), { save_to: 'warm-up' });
    const firstMib = memory(host.pid).peakMib - idleMib;
    const download = await sideBySide(rounds, {
      ours: () => watched(() => host.fetch(down, { save_to: 'target', timeout_seconds: 600 })),
      curl: async () => ({ mibPerSecond: await timed(() => curl('--output', target, down)) }),
    });
    const upload = await sideBySide(rounds, {
      ours: () =>
        watched(() => host.fetch(up, { method: 'PUT', body_file: 'source', timeout_seconds: 600 })),
      curl: async () => ({
        mibPerSecond: await timed(() => curl('--upload-file', source, '--output', '/dev/null', up)),
      }),
    });
    return {
      download: { ...summary(download), firstFileGrownMib: firstMib },
      upload: summary(upload),
    };
  } finally {
    await host.close();
    await origin.stop();
    await folder.remove();
  }
}

function summary({ ours, curl }) {
  return {
    mibPerSecond: median(ours.mibPerSecond),
    curlMibPerSecond: median(curl.mibPerSecond),
    ofCurl: pairedRatio(ours.mibPerSecond, curl.mibPerSecond),
    grownMib: median(ours.grownMib),
    mostGrownMib: Math.max(...ours.grownMib),
    rounds: ours.mibPerSecond.length,
  };
}

async function writeRandom(path, bytes) {
  const block = Buffer.alloc(mebibyte, 'no two kibibytes need to differ here. ');
  const blocks = Array.from({ length: bytes / mebibyte }, () => block);
  await pipeline(Readable.from(blocks, { objectMode: false }), createWriteStream(path));
}
