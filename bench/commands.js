/**
 * Commands as a person or a script runs them, each a process: a page with a kept session beside a bare
 * Node script that sends the same request, and what sends nothing beside Node itself. Also the time from
 * the start of a server to the first page over MCP.
 */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { startHost } from './host.js';
import { program } from './processes.js';
import { startOrigin } from './session.js';
import { median, pairedRatio, sideBySide } from './statistics.js';

const bareScript = new URL('rivals/bare-fetch.js', import.meta.url).pathname;

/** @param {{ rounds: number }} options */
export async function measureCommands({ rounds }) {
  const origin = await startOrigin();
  const url = origin.url('/text/1024');
  const timed = async (args) => ({ ms: await timeOf(args, origin.dataDir) });
  const contenders = {
    node: () => timed(['-e', '0']),
    'bare script': () => timed([bareScript, url, origin.token]),
    fetch: () => timed([program, 'fetch', url]),
    token: () => timed([program, 'token', url]),
    status: () => timed([program, 'status']),
    '--help': () => timed([program, '--help']),
    'first page over MCP': () => firstPage(url, origin.dataDir),
  };
  try {
    for (const contender of Object.values(contenders)) await contender(); // into the disk's cache
    const measured = await sideBySide(rounds, contenders);
    return Object.fromEntries(
      Object.entries(measured).map(([name, { ms }]) => [
        name,
        {
          ms: median(ms),
          ofNode: pairedRatio(ms, measured.node.ms),
          ofBareScript: pairedRatio(ms, measured['bare script'].ms),
          rounds,
        },
      ]),
    );
  } finally {
    await origin.stop();
  }
}

/** @returns {Promise<number>} in ms, from the start to the end of a process that ends well */
async function timeOf(args, dataDir) {
  const startedAt = performance.now();
  const child = spawn(process.execPath, args, {
    env: { PATH: process.env.PATH ?? '', HOME: dataDir, CF_ACCESS_DATA_DIR: dataDir },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  child.stdout.resume();
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`${args.join(' ')} ended with ${code}`);
  return performance.now() - startedAt;
}

async function firstPage(url, dataDir) {
  const startedAt = performance.now();
  const host = await startHost({ dataDir });
  await host.fetch(url);
  const ms = performance.now() - startedAt;
  await host.close();
  return { ms };
}
