/**
 * A tool call over `connect` beside the same call over the SDK's own client for Streamable HTTP, to one
 * server and with the same token: time that is added.
 */
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { temporaryFolder } from './folder.js';
import { program, startReady } from './processes.js';
import { keepSessions } from './sandbox.js';
import { obtainSession } from './session.js';
import { median, sideBySide } from './statistics.js';

const sizes = { '1 KiB': 1024, '100 KiB': 102_400 };

/** @param {{ rounds: number, calls: number }} options `calls` of 1 KiB in a round; fewer of the larger */
export async function measureConnect({ rounds, calls }) {
  const file = await obtainSession();
  const token = file.record.accessToken;
  const script = new URL('remote-mcp.js', import.meta.url).pathname;
  const remote = await startReady([script, token]);
  const origin = `http://127.0.0.1:${remote.ready.port}`;
  const folder = await temporaryFolder();
  await keepSessions(folder.path, file, [`${origin}/`], { expiresAt: Date.now() + 24 * 3_600_000 });
  const url = `${origin}/mcp`;
  const ours = await clientOver(
    new StdioClientTransport({
      command: process.execPath,
      args: [program, 'connect', url],
      env: {
        PATH: process.env.PATH ?? '',
        HOME: folder.path,
        BROWSER: 'false',
        CF_ACCESS_DATA_DIR: folder.path,
      },
      stderr: 'ignore',
    }),
  );
  const headers = { authorization: `Bearer ${token}` };
  /** A new one each time: its signal collects a listener with every call, which slows it down. */
  const withSdk = async (work) => {
    const transport = new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers } });
    const sdk = await clientOver(transport);
    await oneAtATime(20, sdk, 'x');
    const result = await work(sdk);
    await sdk.close();
    return result;
  };

  /** @type {Record<string, object>} */
  const results = {};
  try {
    const warmUp = (client) => oneAtATime(200, client, 'x'.repeat(1024));
    await warmUp(ours);
    await withSdk(warmUp);
    for (const [name, size] of Object.entries(sizes)) {
      const text = 'x'.repeat(size);
      const times = Math.max(3, Math.round(calls / Math.max(1, size / 10_000)));
      const { ours: over, sdk: plain } = await sideBySide(rounds, {
        ours: () => oneAtATime(times, ours, text),
        sdk: () => withSdk((sdk) => oneAtATime(times, sdk, text)),
      });
      results[`${name}, one at a time`] = {
        ms: median(over.ms),
        sdkMs: median(plain.ms),
        addedMs: median(over.ms.map((ms, round) => ms - plain.ms[round])),
        rounds: over.ms.length,
      };
    }
    return results;
  } finally {
    await ours.close();
    await remote.stop();
    await folder.remove();
  }
}

/** @param {import('@modelcontextprotocol/sdk/shared/transport.js').Transport} transport */
async function clientOver(transport) {
  const client = new Client({ name: 'bench', version: '1' }, { capabilities: {} });
  await client.connect(transport);
  return client;
}

/** The median of single calls, so that a hiccup of the machine is not shared out among them. */
async function oneAtATime(times, client, text) {
  const each = [];
  for (let count = 0; count < times; count += 1) {
    const startedAt = performance.now();
    const { content } = await client.callTool({ name: 'echo', arguments: { text } });
    each.push(performance.now() - startedAt);
    if (content[0].text !== text) throw new Error('another text came back');
  }
  return { ms: median(each) };
}
