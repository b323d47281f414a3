/**
 * A host that starts servers in the home folder, or has it or `/` for a root: what lies there and holds
 * credentials is neither sent as a body nor written to (contract §2, §4.9).
 */
import { link, mkdir, readdir, readFile, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { ListRootsRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type HostileOrigin, startHostileOrigin } from '../support/hostile-origin.ts';
import { startServer, type TestServer, temporaryFolder } from '../support/mcp-server.ts';

const data = '.local/share/cloudflare-access-mcp';
const session = `${data}/sessions/0123456789abcdef0123456789abcdef.json`;
/** Each holds the word that must not arrive. */
const files = {
  session,
  key: `${data}/identity.key`,
  lock: `${data}/locks/a.lock`,
  cloudflared: '.cloudflared/wiki.example.com-token',
  secret: 'secrets/secret',
  tokens: 'secrets/tokens.json',
};
const word = 'REFRESH-TOKEN';

let home: string;
let origin: HostileOrigin;
let server: TestServer;

beforeEach(async () => {
  home = await realpath(await temporaryFolder());
  origin = await startHostileOrigin(() => ({ body: 'planted' }));
});
afterEach(async () => {
  await server.close();
  await origin.close();
  await rm(home, { recursive: true, force: true });
});

async function write(name: string, content: string) {
  await mkdir(join(home, dirname(name)), { recursive: true, mode: 0o700 });
  await writeFile(join(home, name), content, { mode: 0o600 });
}

async function start({ cwd = home, roots = [] as string[] } = {}) {
  const host = {
    capabilities: { roots: {} },
    prepare: (client: TestServer['client']) =>
      client.setRequestHandler(ListRootsRequestSchema, () => ({
        roots: roots.map((path) => ({ uri: `file://${path}` })),
      })),
  };
  const id = `${'1'.repeat(32)}.access`;
  const secret = word.padEnd(64, '0');
  await write(files.secret, secret);
  const tokens = [{ hosts: ['wiki.example.com'], client_id: id, client_secret: secret }];
  await write(files.tokens, JSON.stringify(tokens));
  server = await startServer({
    cwd,
    dataDir: join(home, data),
    environment: {
      HOME: home,
      CF_ACCESS_CLIENT_ID: id,
      CF_ACCESS_CLIENT_SECRET_FILE: join(home, files.secret),
      CF_ACCESS_SERVICE_TOKENS_FILE: join(home, files.tokens),
    },
    ...(roots.length > 0 ? host : {}),
  });
}

/** Names and contents of all that is in the home folder. */
async function onDisk() {
  const names = await readdir(home, { recursive: true, withFileTypes: true });
  const found = names.map(async (one) => {
    const path = join(one.parentPath, one.name);
    return [path, one.isFile() ? await readFile(path, 'latin1') : ''] as const;
  });
  return Object.fromEntries((await Promise.all(found)).sort(([a], [b]) => (a < b ? -1 : 1)));
}

const send = (name: string) =>
  server.call('access_fetch', { url: origin.at('/up'), method: 'POST', body_file: name });
const save = (name: string) =>
  server.call('access_fetch', { url: origin.at('/down'), save_to: name });

const hosts: Record<string, () => Promise<{ cwd?: string; roots?: string[] }>> = {
  'in the home folder': async () => ({}),
  'elsewhere, with the home folder as a root': async () => ({ cwd: '/usr', roots: [home] }),
  'with / as a root': async () => ({ cwd: '/usr', roots: ['/'] }),
  'in the data folder itself': async () => ({ cwd: join(home, data) }),
};

it.each(Object.entries(hosts))(
  'sends no file of ours from a server that was started %s',
  async (_, host) => {
    for (const name of [files.session, files.key, files.lock, files.cloudflared]) {
      await write(name, word);
    }
    const options = await host();
    await start(options);
    await symlink(join(home, data), join(home, 'link'));
    await link(join(home, files.secret), join(home, 'second'));
    const names = [...Object.values(files), `link/sessions/${session.split('/').at(-1)}`, 'second'];
    for (const name of names) {
      const { json } = await send(join(home, name));
      expect(json.error, name).toMatchObject({ code: 'invalid_input' });
    }
    if (options.cwd === undefined) {
      const { json } = await send(session);
      expect(json.error?.message).toContain('it is where this server keeps its sessions');
      expect(json.error?.next_step).toContain('not where credentials are kept');
    }
    expect(origin.seen).toEqual([]);
  },
);

it.each([
  ['that are there', true],
  ['that are still to be made', false],
])('plants nothing in folders of ours %s', async (_, made) => {
  if (made) for (const name of [files.session, files.cloudflared]) await write(name, word);
  await start();
  const before = await onDisk();
  const names = [
    `${data}/sessions/ffffffffffffffffffffffffffffffff.json`,
    join(home, data, 'sessions', 'ffffffffffffffffffffffffffffffff.json'),
    `${data}/identity.key`,
    `${data}/a/new/folder/file`,
    '.cloudflared/app.example.com-token',
    data,
  ];
  for (const name of names) {
    const { json } = await save(name);
    expect(json.error, name).toMatchObject({ code: 'save_refused' });
  }
  expect(origin.seen).toEqual([]);
  expect(await onDisk()).toEqual(before);
});

it('takes and makes any other file beside them', async () => {
  await write(files.session, word);
  await write('body.txt', 'mine');
  await start();
  expect((await send('body.txt')).json).toMatchObject({ status: 200 });
  expect((await save('.local/share/other/file')).json).toMatchObject({ status: 200 });
  expect(origin.seen.map(({ body }) => body)).toEqual(['mine', '']);
  expect(await readFile(join(home, '.local/share/other/file'), 'utf8')).toBe('planted');
});
