/** The quick origin, and servers that hold a session for it. */
import { temporaryFolder } from './folder.js';
import { startHost } from './host.js';
import { startReady } from './processes.js';
import { keepSessions, onlySession, signInThrough, startSandbox } from './sandbox.js';

/** A session as the server itself keeps it, after a real sign-in at the sandbox. */
export async function obtainSession() {
  const folder = await temporaryFolder();
  const sandbox = await startSandbox();
  const host = await startHost({ dataDir: folder.path });
  try {
    await signInThrough(host, sandbox.page('managed-oauth'));
    return await onlySession(folder.path);
  } finally {
    await host.close();
    await sandbox.stop();
    await folder.remove();
  }
}

/** The origin, and a data folder with a session for it that does not expire meanwhile. */
export async function startOrigin() {
  const file = await obtainSession();
  const token = file.record.accessToken;
  const script = new URL('origin.js', import.meta.url).pathname;
  const { ready, stop } = await startReady([script, token]);
  const base = `http://127.0.0.1:${ready.port}/`;
  const folder = await temporaryFolder();
  const changes = { expiresAt: Date.now() + 24 * 3_600_000 };
  await keepSessions(folder.path, file, [base], changes);
  return {
    dataDir: folder.path,
    session: file,
    token,
    url: (path) => new URL(path, base).href,
    async stop() {
      await stop();
      await folder.remove();
    },
  };
}
