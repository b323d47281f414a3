/** The sandbox as its users start it, and the sessions that it gives. */
import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { signIn } from './person.js';
import { program, startReady } from './processes.js';

/** What only the person's browser asks for. */
const ofTheBrowser = /^(?:authorization|login)/;

/** @param {readonly string[]} [options] the command's own */
export async function startSandbox(options = []) {
  const { child, ready, stop } = await startReady([
    program,
    'sandbox',
    '--json',
    '--requests',
    ...options,
  ]);
  /** @type {string[]} */
  let seen = [];
  createInterface({ input: child.stderr }).on('line', (line) => {
    const what = line.trim().split(/\s+/).at(-1) ?? '';
    if (!ofTheBrowser.test(what)) seen.push(what);
  });
  return {
    ...ready,
    stop,
    /**
     * @param {string} name
     * @param {string} [path]
     */
    page: (name, path = '/echo') => new URL(path, ready.applications[name].url).href,
    /** The labels of the requests that came since the last call, in order. */
    async requests() {
      // A line is printed before its request is answered, but on another pipe than the answer.
      await new Promise((resolve) => setTimeout(resolve, 50));
      const labels = seen;
      seen = [];
      return labels;
    },
  };
}

/**
 * @param {Awaited<ReturnType<typeof import('./host.js').startHost>>} host
 * @param {string} url
 */
export async function signInThrough(host, url) {
  const { head } = await host.call('authenticate', { url, wait_seconds: 0 });
  if (head.status === 'pending') await signIn(head.authorization_url);
  const after = await host.call('authenticate', { url, wait_seconds: 20 });
  if (after.head.status !== 'authenticated') throw new Error(JSON.stringify(after.head));
}

/**
 * The one session kept in a data folder, as its file holds it.
 *
 * @param {string} dataDir
 */
export async function onlySession(dataDir) {
  const folder = join(dataDir, 'sessions');
  const [name] = (await readdir(folder)).filter((each) => each.endsWith('.json'));
  return JSON.parse(await readFile(join(folder, name), 'utf8'));
}

/**
 * Keeps sessions like `file` for other resources, in another folder.
 *
 * @param {string} dataDir
 * @param {{ kind: string, record: object }} file
 * @param {readonly string[]} resources
 * @param {object} [changes] to the record
 */
export async function keepSessions(dataDir, file, resources, changes = {}) {
  const folder = join(dataDir, 'sessions');
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const keep = (resource) => {
    const name = createHash('sha256').update(resource).digest('hex').slice(0, 32);
    const record = { ...file.record, resource, ...changes };
    const text = JSON.stringify({ ...file, key: resource, record });
    return writeFile(join(folder, `${name}.json`), `${text}\n`, { mode: 0o600 });
  };
  for (let at = 0; at < resources.length; at += 500) {
    await Promise.all(resources.slice(at, at + 500).map(keep));
  }
}
