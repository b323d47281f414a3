/** What a call costs as the work grows: with many stored sessions, and with many processes at expiry. */
import { temporaryFolder } from './folder.js';
import { startHost } from './host.js';
import { keepSessions, onlySession, signInThrough, startSandbox } from './sandbox.js';
import { startOrigin } from './session.js';
import { median } from './statistics.js';

/**
 * The first call for a resource reads its session from the disk; the next one has it in memory. Their
 * difference is the lookup.
 *
 * @param {{ counts: readonly number[], lookups: number, rounds: number }} options
 */
export async function measureStoredSessions({ counts, lookups, rounds }) {
  const origin = await startOrigin();
  const day = { expiresAt: Date.now() + 24 * 3_600_000 };
  const resources = Array.from({ length: lookups }, (_, index) => origin.url(`/app${index}`));
  const folders = [];
  /** @type {Map<number, { cold: number[], warm: number[], first: number[] }>} */
  const figures = new Map(counts.map((count) => [count, { cold: [], warm: [], first: [] }]));
  try {
    for (const count of counts) {
      const folder = await temporaryFolder();
      folders.push(folder);
      const others = Array.from(
        { length: Math.max(0, count - lookups) },
        (_, index) => `https://app-${index}.example.com/`,
      );
      await keepSessions(folder.path, origin.session, [...resources, ...others], day);
    }
    for (let round = 0; round < rounds; round += 1) {
      for (const [index, count] of counts.entries()) {
        const host = await startHost({ dataDir: folders[index].path });
        const timed = async (resource) => {
          const startedAt = performance.now();
          await host.fetch(`${resource}/text/1024`);
          return performance.now() - startedAt;
        };
        const { cold, warm, first } = figures.get(count);
        first.push(await timed(resources[0]));
        // The code is compiled before the clock starts.
        for (let call = 0; call < 100; call += 1) await timed(resources[0]);
        const others = resources.slice(1);
        for (const resource of others) cold.push(await timed(resource));
        for (const resource of others) warm.push(await timed(resource));
        await host.close();
      }
    }
  } finally {
    for (const folder of folders) await folder.remove();
    await origin.stop();
  }
  return [...figures].map(([sessions, { cold, warm, first }]) => ({
    sessions,
    coldCallMs: median(cold),
    warmCallMs: median(warm),
    lookupMs: median(cold) - median(warm),
    firstCallMs: median(first),
  }));
}

/**
 * Every process asks at once for a page whose token has expired; one of them refreshes it.
 *
 * @param {{ counts: readonly number[] }} options
 */
export async function measureExpiry({ counts }) {
  const sandbox = await startSandbox();
  const page = sandbox.page('managed-oauth');
  const results = [];
  try {
    for (const processes of counts) {
      const folder = await temporaryFolder();
      const hosts = [];
      try {
        const first = await startHost({ dataDir: folder.path });
        await signInThrough(first, page);
        await first.close();
        const session = await onlySession(folder.path);
        await keepSessions(folder.path, session, [session.record.resource], {
          expiresAt: Date.now() - 1000,
        });
        for (let index = 0; index < processes; index += 1) {
          const host = await startHost({ dataDir: folder.path });
          hosts.push(host);
          await host.call('access_fetch', { url: sandbox.page('bypass') }); // everything is loaded
        }
        await sandbox.requests();
        const startedAt = performance.now();
        await Promise.all(hosts.map((host) => host.fetch(page)));
        const ms = performance.now() - startedAt;
        const requests = await sandbox.requests();
        const count = (what) => requests.filter((each) => each === what).length;
        const refreshes = count('token:refresh_token');
        const origin = count('origin');
        const others = requests.length - refreshes - origin;
        const right = refreshes === 1 && origin === processes && others === 0;
        results.push({ processes, ms, refreshes, origin, others, right });
      } finally {
        await Promise.all(hosts.map((host) => host.close()));
        await folder.remove();
      }
    }
  } finally {
    await sandbox.stop();
  }
  return results;
}
