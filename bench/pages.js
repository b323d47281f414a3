/** A page to Markdown: ours beside turndown and rehype-remark, and what other calls notice of it. */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { startHost } from './host.js';
import { pages } from './page-sources.js';
import { memory } from './processes.js';
import { startOrigin } from './session.js';
import { median } from './statistics.js';

/** Whoever has not ended by then is not waited for. */
const patienceMs = 10_000;

const contenders = {
  ours: () => new Worker(new URL('../dist/page-worker.js', import.meta.url)),
  turndown: () => rival('turndown'),
  'rehype-remark': () => rival('rehype-remark'),
};

function rival(workerData) {
  return new Worker(new URL('rivals/page-worker.js', import.meta.url), { workerData });
}

/**
 * The time from asking a thread to its answer; the first one finds a thread that is new.
 *
 * @param {{ rounds: number }} options
 */
export async function measurePages({ rounds }) {
  const results = {};
  for (const [page, html] of Object.entries(pages)) {
    const row = {};
    for (const [name, start] of Object.entries(contenders)) {
      Object.assign(row, await timesOf(name, start(), html, rounds));
    }
    results[page] = row;
  }
  return results;
}

async function timesOf(name, worker, html, rounds) {
  const times = [];
  let answer = {};
  try {
    for (let round = 0; round <= rounds; round += 1) {
      const startedAt = performance.now();
      worker.postMessage({ html, url: 'https://wiki.example.com/page', secrets: [] });
      [answer] = await once(worker, 'message', { signal: AbortSignal.timeout(patienceMs) });
      times.push(performance.now() - startedAt);
      // What takes long takes long every time.
      if (answer.failed || (round > 1 && times[round] > 2000)) break;
    }
  } catch (error) {
    answer = {
      failed: error.name === 'AbortError' ? `no end in ${patienceMs / 1000} s` : error.message,
    };
  } finally {
    await worker.terminate();
  }
  if (answer.failed) return { [`${name}, ms`]: answer.failed.slice(0, 30) };
  const [first = 0, ...others] = times;
  return {
    [`${name}, ms`]: median(others.length > 0 ? others : [first]),
    [`${name}, first`]: first,
    [`${name}, kB`]: Math.round(Buffer.byteLength(answer.markdown) / 1000),
  };
}

/**
 * A large page over MCP, and small calls one after the other meanwhile.
 *
 * @param {{ rounds: number }} options
 */
export async function measureWaiting({ rounds }) {
  const origin = await startOrigin();
  const host = await startHost({ dataDir: origin.dataDir });
  const small = () => host.fetch(origin.url('/text/1024'));
  const large = () => host.fetch(origin.url('/page/600000'), { max_length: 1000 });
  const took = [];
  const longest = [];
  const longestAlone = [];
  /** Of small calls until then; at least one. */
  const longestUntil = async (isOver) => {
    let most = 0;
    do {
      const askedAt = performance.now();
      await small();
      most = Math.max(most, performance.now() - askedAt);
    } while (!isOver());
    return most;
  };
  try {
    for (let call = 0; call < 100; call += 1) await small();
    const { nowMib: before } = memory(host.pid);
    for (let round = 0; round <= rounds; round += 1) {
      let isDone = false;
      const startedAt = performance.now();
      const page = large().then(() => {
        isDone = true;
        took.push(performance.now() - startedAt);
      });
      longest.push(await longestUntil(() => isDone));
      await page;
      // The same time without a page: what is the machine's, and not ours.
      const until = performance.now() + took[round];
      longestAlone.push(await longestUntil(() => performance.now() > until));
    }
    const [first, ...others] = took;
    return {
      pageMs: median(others),
      firstPageMs: first,
      longestOtherMs: median(longest),
      withoutPageMs: median(longestAlone),
      grownMib: memory(host.pid).nowMib - before,
      rounds,
    };
  } finally {
    await host.close();
    await origin.stop();
  }
}
