/**
 * A credential that left its folder is not sent from where it lies now (contract §4.9): another data
 * folder is set, the disk knows a second name for the file, or somebody has copied it.
 */
import { link, mkdir, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type HostileOrigin, startHostileOrigin } from '../support/hostile-origin.ts';
import { startServer, type TestServer, temporaryFolder } from '../support/mcp-server.ts';

const name = 'cloudflare-access-mcp';
let home: string;
let elsewhere: string;
let origin: HostileOrigin;
let server: TestServer;

beforeEach(async () => {
  home = await realpath(await temporaryFolder());
  elsewhere = await realpath(await temporaryFolder());
  origin = await startHostileOrigin(() => ({ body: 'planted' }));
  server = await startServer({
    cwd: home,
    dataDir: join(elsewhere, 'data'),
    environment: {
      HOME: home,
      XDG_DATA_HOME: join(home, 'xdg'),
      LOCALAPPDATA: join(home, 'local'),
    },
  });
});
afterEach(async () => {
  await server.close();
  await origin.close();
  await rm(home, { recursive: true, force: true });
  await rm(elsewhere, { recursive: true, force: true });
});

async function write(file: string, content: string | Uint8Array) {
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  await writeFile(file, content, { mode: 0o600 });
}

const send = (file: string) =>
  server.call('access_fetch', { url: origin.at('/up'), method: 'POST', body_file: file });

it('neither sends from nor plants in the default data folders while another one is set', async () => {
  const folders = [
    `.local/share/${name}`,
    `xdg/${name}`,
    `Library/Application Support/${name}`,
    `AppData/Local/${name}/Data`,
    `local/${name}/Data`,
  ];
  for (const folder of folders) {
    await write(join(home, folder, 'sessions', 'a.json'), 'REFRESH-TOKEN');
    const { json: sent } = await send(`${folder}/sessions/a.json`);
    expect(sent.error, folder).toMatchObject({ code: 'invalid_input' });
    const { json: planted } = await server.call('access_fetch', {
      url: origin.at('/down'),
      save_to: `${folder}/sessions/b.json`,
    });
    expect(planted.error, folder).toMatchObject({ code: 'save_refused' });
    await expect(readFile(join(home, folder, 'sessions', 'b.json'))).rejects.toThrow('ENOENT');
  }
  expect(origin.seen).toEqual([]);
});

it('sends no file that has a second name in a folder of credentials, and any other with two names', async () => {
  const kept = {
    'the data folder': join(elsewhere, 'data/locks/deep/a.lock'),
    'the default one': join(home, `.local/share/${name}/sessions/a.json`),
    'cloudflared’s': join(home, '.cloudflared/wiki.example.com-token'),
  };
  for (const [what, file] of Object.entries(kept)) {
    await write(file, 'REFRESH-TOKEN');
    await link(file, join(home, 'second'));
    const { json } = await send('second');
    expect(json.error?.message, what).toContain('it is a second name of a file where');
    expect(json.error, what).toMatchObject({ code: 'invalid_input' });
    await rm(join(home, 'second'));
  }
  expect(origin.seen).toEqual([]);
  await write(join(home, 'mine'), 'mine');
  await link(join(home, 'mine'), join(home, 'second'));
  expect((await send('second')).json).toMatchObject({ status: 200 });
});

const record = {
  kind: 'session',
  key: 'https://wiki.example.com/',
  record: { format: 1, resource: 'https://wiki.example.com/', accessToken: 'oauth:1234567890' },
};
const jwt = (claims: object) =>
  [{ alg: 'RS256', kid: 'a', typ: 'JWT' }, claims, 'x'.repeat(96)]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.');
const byTeam = jwt({ iss: 'https://team.cloudflareaccess.com', email: 'person@example.com' });
const token = 'oauth:0123456789abcdef0123';

it.each<[string, string | Uint8Array]>([
  ['a record', `${JSON.stringify(record)}\n`],
  ['a record of a later format', JSON.stringify({ ...record, record: { format: 9, new: 1 } })],
  ['a record that another program has laid out and sorted', sorted(record)],
  ['several records', JSON.stringify([record, record], undefined, '\t')],
  ['a record whose end is missing', JSON.stringify(record).slice(0, -20)],
  ['a record as PowerShell writes it', Buffer.from(`\ufeff${JSON.stringify(record)}`, 'utf16le')],
  ['a token of a team', byTeam],
  ['a token of a team in a line of its own', `\n${byTeam}\r\n`],
  ['a token for an application', jwt({ aud: ['a'.repeat(64)] })],
  ['a curl configuration', `header = "Authorization: Bearer ${token}"\n`],
  [
    'a curl configuration with more in it',
    `url=https://x.test\nheader="cf-access-token: ${byTeam}"`,
  ],
])('does not send %s, wherever it lies', async (_, content) => {
  await write(join(home, 'project/copy'), content);
  const { json } = await send('project/copy');
  expect(json.error).toMatchObject({ code: 'invalid_input' });
  expect(json.error?.message).toMatch(/it is a (copy of|token of|curl)/);
  expect(origin.seen).toEqual([]);
});

it.each([
  ['JSON with other fields', JSON.stringify({ kind: 'a', key: 'b', record: 'c', format: 1 })],
  ['a document that shows a record', `# Records\n${JSON.stringify(record)}\n`],
  ['a JWT of somebody else', jwt({ iss: 'https://accounts.example.com', aud: 'app' })],
  ['a curl configuration without a token', 'header = "Authorization: Bearer $TOKEN"\n'],
  ['nothing', ''],
])('sends %s', async (_, content) => {
  await write(join(home, 'mine'), content);
  expect((await send('mine')).json).toMatchObject({ status: 200 });
  expect(origin.seen.map(({ body }) => body)).toEqual([content]);
});

function sorted({ kind, key, record: { format, ...more } }: typeof record): string {
  return JSON.stringify({ key, kind, record: { ...more, format } }, undefined, 2);
}
