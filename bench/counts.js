/**
 * Which requests reach the wire in each situation: exact, from the sandbox's own log. The expected ones
 * are in expected-counts.json; another number is the one thing that makes the bench fail.
 */
import { readFile, rm } from 'node:fs/promises';
import { temporaryFolder } from './folder.js';
import { startHost } from './host.js';
import { keepSessions, onlySession, signInThrough, startSandbox } from './sandbox.js';

/** @returns {Promise<{ situation: string, requests: string[], expected: string[], right: boolean }[]>} */
export async function countRequests() {
  const expected = JSON.parse(
    await readFile(new URL('expected-counts.json', import.meta.url), 'utf8'),
  );
  const sandbox = await startSandbox();
  const folder = await temporaryFolder();
  const environment = { ...sandbox.environment, CF_ACCESS_DATA_DIR: folder.path };
  const page = sandbox.page('managed-oauth');
  const start = () => startHost({ dataDir: folder.path, cwd: '/', environment });
  let host = await start();
  /** A new process that finds another session than the one that was kept. */
  const restart = async (changes) => {
    await host.close();
    const session = await onlySession(folder.path);
    await keepSessions(folder.path, session, [session.record.resource], changes);
    host = await start();
  };
  /** @type {Record<string, string[]>} */
  const seen = {};
  const count = async (situation, work) => {
    await sandbox.requests();
    await work();
    seen[situation] = await sandbox.requests();
  };

  try {
    await count('first', async () => {
      await signInThrough(host, page);
      await host.fetch(page);
    });
    await count('warm', () => host.fetch(page));
    await restart({});
    await count('after a restart', () => host.fetch(page));
    await restart({ expiresAt: Date.now() - 1000 });
    await count('expired', () => host.fetch(page));
    await restart({ accessToken: 'oauth:what-the-server-never-gave' });
    await count('refused', () => host.fetch(page));

    await host.close();
    await rm(folder.path, { recursive: true });
    host = await start();
    const detect = () => host.call('detect_protection', { url: page });
    await count('detect', detect);
    await count('detect, again', detect);
    const machines = sandbox.page('service-auth');
    await count('service token, first', () => host.fetch(machines));
    await count('service token, warm', () => host.fetch(machines));
    const open = sandbox.page('bypass');
    await count('open', () => host.call('access_fetch', { url: open }));
  } finally {
    await host.close();
    await sandbox.stop();
    await folder.remove();
  }
  return Object.entries(seen).map(([situation, requests]) => ({
    situation,
    requests,
    expected: expected[situation],
    right: JSON.stringify(requests) === JSON.stringify(expected[situation]),
  }));
}
