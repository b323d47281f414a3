/**
 * `forward` beside a plain reverse proxy over undici, both in front of the quick origin: small requests,
 * 1 GiB each way, and how much memory that takes.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Agent } from 'undici';
import { temporaryFolder } from './folder.js';
import { forgetPeak, mebibyte, memory, program, run, startReady } from './processes.js';
import { startOrigin } from './session.js';
import { median, pairedRatio, sideBySide } from './statistics.js';

const atOnce = 32;
/** Until V8 has compiled what a request runs through. */
const warmUp = 10_000;

/** @param {{ rounds: number, requests: number, bytes: number }} options */
export async function measureForward({ rounds, requests, bytes }) {
  const origin = await startOrigin();
  const folder = await temporaryFolder();
  const remote = new URL(origin.url('/')).origin;
  const ours = await startForward(remote, origin.dataDir);
  const script = new URL('rivals/undici-proxy.js', import.meta.url).pathname;
  const rival = await startReady([script, remote, origin.token]);
  const plain = `http://127.0.0.1:${rival.ready.port}`;
  const source = join(folder.path, 'source');
  await writeFile(source, '');
  await truncate(source, bytes);

  const perSecond = async (local) => {
    const startedAt = performance.now();
    await askMany(local, requests);
    return { perSecond: requests / ((performance.now() - startedAt) / 1000) };
  };
  const transferred = async (pid, args) => {
    forgetPeak(pid);
    const before = memory(pid).nowMib;
    const startedAt = performance.now();
    await run('curl', ['--silent', '--fail', '--output', '/dev/null', ...args]);
    const mibPerSecond = bytes / mebibyte / ((performance.now() - startedAt) / 1000);
    return { mibPerSecond, grownMib: memory(pid).peakMib - before };
  };
  const both = (work) => ({
    ours: () => work(ours.local, ours.pid),
    plain: () => work(plain, rival.child.pid),
  });
  const transfers = (args) =>
    sideBySide(
      rounds,
      both((local, pid) => transferred(pid, args(local))),
    );

  try {
    await askMany(ours.local, warmUp);
    await askMany(plain, warmUp);
    const small = await sideBySide(rounds, both(perSecond));
    const down = await transfers((local) => [`${local}/bytes/${bytes}`]);
    const up = await transfers((local) => ['--upload-file', source, `${local}/upload`]);
    return {
      [`1 KiB, ${atOnce} at once`]: {
        perSecond: median(small.ours.perSecond),
        plainPerSecond: median(small.plain.perSecond),
        ofPlain: pairedRatio(small.ours.perSecond, small.plain.perSecond),
      },
      down: transferSummary(down),
      up: transferSummary(up),
    };
  } finally {
    await ours.stop();
    await rival.stop();
    await origin.stop();
    await rm(source, { force: true });
    await folder.remove();
  }
}

function transferSummary({ ours, plain }) {
  return {
    mibPerSecond: median(ours.mibPerSecond),
    plainMibPerSecond: median(plain.mibPerSecond),
    ofPlain: pairedRatio(ours.mibPerSecond, plain.mibPerSecond),
    grownMib: median(ours.grownMib),
    mostGrownMib: Math.max(...ours.grownMib),
    plainGrownMib: median(plain.grownMib),
  };
}

async function askMany(local, requests) {
  const agent = new Agent({ connections: atOnce });
  let left = requests;
  const worker = async () => {
    while (left > 0) {
      left -= 1;
      const { statusCode, body } = await agent.request({
        origin: local,
        path: '/text/1024',
        method: 'GET',
      });
      const { length } = await body.text();
      if (statusCode !== 200 || length !== 1024) throw new Error(`${statusCode}, ${length} bytes`);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  await agent.close();
}

async function startForward(remote, dataDir) {
  const child = spawn(process.execPath, [program, 'forward', remote], {
    env: { PATH: process.env.PATH ?? '', HOME: dataDir, CF_ACCESS_DATA_DIR: dataDir },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const [local] = await once(createInterface({ input: child.stdout }), 'line');
  return {
    local,
    pid: child.pid,
    async stop() {
      const ended = once(child, 'exit');
      child.kill('SIGTERM');
      await ended;
    },
  };
}
