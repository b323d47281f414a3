/** From the start of the process to the answered `tools/list`, and the highest memory at that moment. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { temporaryFolder } from './folder.js';
import { memory, program } from './processes.js';
import { median, pairedRatio, sideBySide } from './statistics.js';

const packages = new URL('../node_modules/@modelcontextprotocol/', import.meta.url).pathname;

/** @param {{ rounds: number }} options */
export async function measureStart({ rounds }) {
  const folder = await temporaryFolder();
  const rival = (name) => new URL(`rivals/${name}.js`, import.meta.url).pathname;
  const contenders = {
    floor: () => start([rival('floor')], folder.path),
    ours: () => start([program], folder.path),
    'sdk-server': () => start([rival('sdk-server')], folder.path),
    'server-everything': () =>
      start([`${packages}server-everything/dist/index.js`, 'stdio'], folder.path),
    'server-filesystem': () =>
      start([`${packages}server-filesystem/dist/index.js`, folder.path], folder.path),
  };
  try {
    for (const contender of Object.values(contenders)) await contender(); // into the disk's cache
    const measured = await sideBySide(rounds, contenders);
    const { floor, ours } = measured;
    return Object.fromEntries(
      Object.entries(measured).map(([name, { ms, peakMib }]) => [
        name,
        {
          ms: median(ms),
          ofFloor: pairedRatio(ms, floor.ms),
          oursOfIt: pairedRatio(ours.ms, ms),
          peakMib: median(peakMib),
          peakOfFloor: pairedRatio(peakMib, floor.peakMib),
          rounds,
        },
      ]),
    );
  } finally {
    await folder.remove();
  }
}

/** A host's two questions, in the words of every SDK client. */
async function start(args, dataDir) {
  const startedAt = performance.now();
  const child = spawn(process.execPath, args, {
    env: { PATH: process.env.PATH ?? '', HOME: dataDir, CF_ACCESS_DATA_DIR: dataDir },
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  const ended = once(child, 'exit');
  const send = (message) =>
    child.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);
  send({
    id: 0,
    method: 'initialize',
    params: {
      protocolVersion: '2025-06-18',
      capabilities: {},
      clientInfo: { name: 'bench', version: '1' },
    },
  });
  let figures;
  for await (const line of createInterface({ input: child.stdout })) {
    const message = JSON.parse(line);
    if (message.id === 0) {
      send({ method: 'notifications/initialized' });
      send({ id: 1, method: 'tools/list', params: {} });
    }
    if (message.id !== 1) continue;
    if (!Array.isArray(message.result?.tools)) throw new Error(line.slice(0, 500));
    figures = { ms: performance.now() - startedAt, peakMib: memory(child.pid).peakMib };
    break;
  }
  child.kill('SIGKILL');
  await ended;
  if (figures === undefined) throw new Error(`${args[0]} did not answer`);
  return figures;
}
