/** 1 GiB down to a file and up from one, beside curl: throughput, and how much the server's memory grows. */
import { createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
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
  const growth = async (work) => {
    forgetPeak(host.pid);
    const before = memory(host.pid).nowMib;
    await work();
    return memory(host.pid).peakMib - before;
  };
  const watched = async (work) => {
    let mibPerSecond = 0;
    const grownMib = await growth(async () => {
      mibPerSecond = await timed(work);
    });
    return { mibPerSecond, grownMib };
  };
  const curl = (...args) => run('curl', ['--silent', '--fail', '-H', authorization, ...args]);

  try {
    await writeRandom(source, bytes);
    await host.fetch(origin.url('/bytes/1000000'), { save_to: 'loads-the-code' });
    // V8 optimizes undici's parser after some ten requests or some ten MiB, and takes about 30 MiB for a
    // moment, once in a process: told apart from what a file costs.
    const optimizing = await growth(async () => {
      for (let call = 0; call < 300; call += 1) await host.fetch(origin.url('/text/1024'));
      await sleep(500);
    });
    const firstFile = await growth(() =>
      host.fetch(origin.url(`/bytes/${64 * mebibyte}`), { save_to: 'warm-up' }),
    );
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
      download: {
        ...summary(download),
        firstFileGrownMib: firstFile,
        optimizingGrownMib: optimizing,
      },
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
