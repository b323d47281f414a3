/** A warm access_fetch beside plain undici on the same page, with the same token: time that is added. */
import { Agent } from 'undici';
import { startHost } from './host.js';
import { startOrigin } from './session.js';
import { median, pairedRatio, sideBySide } from './statistics.js';

const sizes = { '1 KiB': 1024, '100 KiB': 102_400, '10 MiB': 10_485_760 };
const atOnce = 50;

/**
 * @param {object} options
 * @param {number} options.rounds
 * @param {number} options.calls of 1 KiB in a round; fewer of the larger
 * @param {readonly string[]} [options.nodeArgs]
 */
export async function measureCalls({ rounds, calls, nodeArgs = [] }) {
  const origin = await startOrigin();
  const host = await startHost({ dataDir: origin.dataDir, nodeArgs });
  const bare = await startHost({
    dataDir: origin.dataDir,
    server: new URL('rivals/sdk-server.js', import.meta.url).pathname,
    environment: { TOKEN: origin.token },
  });
  const agent = new Agent({ connections: 64, pipelining: 1 });
  const headers = { authorization: `Bearer ${origin.token}` };
  // What an agent sees of 10 MiB is its beginning, so it is asked for as it would be.
  const ours = (url, size) => host.fetch(url, { max_length: Math.min(size, 100_000) });
  const plain = async (url) => {
    const { statusCode, body } = await agent.request({
      origin: new URL(url).origin,
      path: new URL(url).pathname + new URL(url).search,
      method: 'GET',
      headers,
    });
    await body.arrayBuffer();
    if (statusCode !== 200) throw new Error(`undici: ${statusCode}`);
  };
  const contenders = (work, size = 1024) => ({
    ours: () => work((url, size) => ours(url, size)),
    undici: () => work((url) => plain(url)),
    // A message of more than 10 MiB makes clients drop the connection.
    ...(size > 1_000_000 ? {} : { sdkServer: () => work((url) => bare.plainCall(url)) }),
  });

  /** @type {Record<string, object>} */
  const results = {};
  try {
    for (let call = 0; call < 200; call += 1) {
      await ours(origin.url('/text/1024'), 1024);
      await plain(origin.url('/text/1024'));
      await bare.plainCall(origin.url('/text/1024'));
    }
    for (const [name, size] of Object.entries(sizes)) {
      const url = origin.url(`/text/${size}`);
      const times = Math.max(3, Math.round(calls / Math.max(1, size / 50_000)));
      const one = (fetch) => oneAtATime(times, () => fetch(url, size));
      results[`${name}, one at a time`] = summary(await sideBySide(rounds, contenders(one, size)));
    }
    // An origin that answers at once, and one that takes the 20 ms of a quick application.
    for (const delayMs of [0, 20]) {
      const url = origin.url(`/text/1024?delay=${delayMs}`);
      const many = (fetch) => allAtOnce(Math.max(calls, atOnce * 4), () => fetch(url, 1024));
      const name = `1 KiB, ${atOnce} at once${delayMs ? `, origin takes ${delayMs} ms` : ''}`;
      results[name] = summary(await sideBySide(rounds, contenders(many)));
    }
    return results;
  } finally {
    await host.close();
    await bare.close();
    await agent.close();
    await origin.stop();
  }
}

/** The median of single calls, so that a hiccup of the machine is not shared out among them. */
async function oneAtATime(times, call) {
  const each = [];
  for (let count = 0; count < times; count += 1) {
    const startedAt = performance.now();
    await call();
    each.push(performance.now() - startedAt);
  }
  return { ms: median(each), perSecond: 1000 / median(each) };
}

async function allAtOnce(times, call) {
  let left = times;
  const one = async () => {
    while (left > 0) {
      left -= 1;
      await call();
    }
  };
  const startedAt = performance.now();
  await Promise.all(Array.from({ length: atOnce }, one));
  const ms = (performance.now() - startedAt) / times;
  return { ms, perSecond: 1000 / ms };
}

function summary({ ours, undici, sdkServer }) {
  return {
    ms: median(ours.ms),
    undiciMs: median(undici.ms),
    addedMs: median(ours.ms.map((ms, round) => ms - undici.ms[round])),
    perSecond: median(ours.perSecond),
    undiciPerSecond: median(undici.perSecond),
    ofUndici: pairedRatio(ours.perSecond, undici.perSecond),
    ...(sdkServer && {
      sdkServerPerSecond: median(sdkServer.perSecond),
      ofSdkServer: pairedRatio(ours.perSecond, sdkServer.perSecond),
    }),
    rounds: ours.ms.length,
  };
}
