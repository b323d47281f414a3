/**
 * Faults on the disk: what lies where our files should be may have been put there, copied, changed or
 * damaged (contract §5). Each row has a session from before, breaks its files, and starts a new server.
 */
import { execFileSync } from 'node:child_process';
import {
  chmod,
  chown,
  link,
  lstat,
  mkdir,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import { freePort } from '../support/callback-port.ts';
import { type HostileApplication, tokenPath } from '../support/hostile-application.ts';
import { matrix, type Row, type World } from '../support/hostile-matrix.ts';
import { startServer, type TestServer, temporaryFolder } from '../support/mcp-server.ts';

interface Place {
  readonly world: World;
  readonly app: HostileApplication;
  readonly dataDir: string;
  /** The session's file. */
  readonly file: string;
  /** A folder of nobody's, outside the data folder. */
  readonly outside: string;
}

/** Signs in, stops the server, runs `harm`, starts another one and fetches with what is left. */
function row(
  fault: string,
  code: string | null,
  harm: (place: Place) => Promise<unknown>,
  far: (place: Place & { server: TestServer }) => unknown = () => {},
): Row {
  return {
    fault,
    code,
    run: async (world) => {
      const app = await world.app();
      const outside = await temporaryFolder();
      const dataDir = join(await temporaryFolder(), 'data');
      world.after(() => rm(join(dataDir, '..'), { recursive: true, force: true }));
      world.after(() => rm(outside, { recursive: true, force: true }));
      const environment = { CF_ACCESS_CALLBACK_PORT: String(await freePort()) };
      const before = await startServer({ dataDir, environment });
      const { json } = await before.call('authenticate', { url: app.at('/'), wait_seconds: 0 });
      await fetch(String(json.authorization_url));
      await before.call('authenticate', { url: app.at('/') });
      await before.close();
      const [name = ''] = await readdir(join(dataDir, 'sessions'));
      const place = { world, app, dataDir, file: join(dataDir, 'sessions', name), outside };
      await harm(place);
      app.seen.length = 0;
      const server = await startServer({ dataDir, environment });
      world.after(() => server.close());
      const answer = await server.call('access_fetch', { url: app.at('/'), sign_in: false });
      return { answer, far: () => far({ ...place, server }) };
    },
  };
}

/** The record as it is written, changed. */
async function change(
  file: string,
  how: (content: { kind: string; key: string; record: Record<string, unknown> }) => void,
): Promise<void> {
  const content = JSON.parse(await readFile(file, 'utf8'));
  how(content);
  await writeFile(file, JSON.stringify(content));
}

/** No token was sent. */
const bare = ({ app }: Place): void =>
  expect(app.seen.filter(({ headers }) => headers.authorization)).toEqual([]);
const setAside = async (place: Place): Promise<void> => {
  bare(place);
  const names = await readdir(join(place.dataDir, 'sessions'));
  expect(names.filter((name) => name.endsWith('.damaged'))).toHaveLength(1);
};
const asRoot = process.getuid?.() === 0;
const nobody = 65_534;

const rows: Row[] = [
  row(
    'a session file that is a link to a file elsewhere',
    'sign_in_required',
    async ({ file, outside }) => {
      await rename(file, join(outside, 'target'));
      await symlink(join(outside, 'target'), file);
    },
    async (place) => {
      await setAside(place);
      expect((await readdir(place.outside)).sort()).toEqual(['target']);
    },
  ),
  row(
    'a session file with a second name (a hard link)',
    'sign_in_required',
    ({ file, outside }) => link(file, join(outside, 'second')),
    setAside,
  ),
  row(
    'a FIFO in the place of a session file: nobody waits for it',
    'sign_in_required',
    async ({ file }) => {
      await rm(file);
      execFileSync('mkfifo', [file]);
    },
    setAside,
  ),
  row(
    'a folder in the place of a session file',
    'sign_in_required',
    async ({ file }) => {
      await rm(file);
      await mkdir(file);
      await writeFile(join(file, 'something'), 'x');
    },
    setAside,
  ),
  row(
    'bytes that are no JSON',
    'sign_in_required',
    ({ file }) => writeFile(file, Buffer.from([0xff, 0xfe, 0, 1, 2])),
    setAside,
  ),
  row(
    'half a session file',
    'sign_in_required',
    async ({ file }) => {
      const whole = await readFile(file);
      await writeFile(file, whole.subarray(0, whole.length / 2));
    },
    setAside,
  ),
  row('an empty session file', 'sign_in_required', ({ file }) => writeFile(file, ''), setAside),
  row(
    'a session file of 2 MiB',
    'sign_in_required',
    ({ file }) =>
      change(file, ({ record }) => Object.assign(record, { scope: 'x'.repeat(2 << 20) })),
    setAside,
  ),
  row(
    'a field that no session has',
    'sign_in_required',
    ({ file }) => change(file, ({ record }) => Object.assign(record, { admin: true })),
    setAside,
  ),
  row(
    'a token with a line break in it: no header field is forged',
    'sign_in_required',
    ({ file }) =>
      change(file, ({ record }) => Object.assign(record, { accessToken: 'x\r\nx-evil: 1' })),
    setAside,
  ),
  row(
    'the session of another resource under this one’s name (contract §4.2)',
    'sign_in_required',
    ({ file }) =>
      change(file, ({ record }) => Object.assign(record, { resource: 'http://localhost:1/' })),
    bare,
  ),
  row(
    'the file of another session, copied over this one',
    'sign_in_required',
    ({ file }) =>
      change(file, (content) => Object.assign(content, { key: 'https://other.example/' })),
    setAside,
  ),
  {
    ...row(
      'a token endpoint elsewhere than the issuer (contract §4.3)',
      'sign_in_required',
      async ({ file, world, app }) => {
        app.expire();
        await change(file, ({ record }) => {
          (record.grant as Record<string, unknown>).tokenEndpoint = world.evil.at('/token');
        });
      },
      ({ world, app }) => {
        expect(world.evil.seen).toEqual([]);
        expect(app.of(tokenPath)).toEqual([]);
      },
    ),
  },
  row(
    'an issuer that nobody trusts any more',
    'sign_in_required',
    ({ file }) =>
      change(file, ({ record }) => {
        (record.grant as Record<string, unknown>).issuer = 'https://evil.example';
      }),
    bare,
  ),
  row(
    'a session of a newer version: left as it is',
    'sign_in_required',
    ({ file }) => change(file, ({ record }) => Object.assign(record, { format: 2, more: true })),
    async (place) => {
      bare(place);
      expect(JSON.parse(await readFile(place.file, 'utf8')).record.format).toBe(2);
    },
  ),
  row(
    'a session file that others may read: tightened, and used',
    null,
    ({ file }) => chmod(file, 0o644),
    async ({ file }) => expect((await stat(file)).mode & 0o777).toBe(0o600),
  ),
  row(
    'folders that others may write to: tightened, and used',
    null,
    async ({ dataDir }) => {
      await chmod(dataDir, 0o777);
      await chmod(join(dataDir, 'sessions'), 0o777);
    },
    async ({ dataDir }) => {
      expect((await stat(dataDir)).mode & 0o777).toBe(0o700);
      expect((await stat(join(dataDir, 'sessions'))).mode & 0o777).toBe(0o700);
    },
  ),
  row(
    'a sessions folder that is a link elsewhere: not followed',
    'sign_in_required',
    async ({ dataDir, outside }) => {
      await rename(join(dataDir, 'sessions'), join(outside, 'sessions'));
      await symlink(join(outside, 'sessions'), join(dataDir, 'sessions'));
    },
    bare,
  ),
  row(
    'a data folder that is a file: memory is used, and the sign-in works',
    'sign_in_required',
    async ({ dataDir }) => {
      await rm(dataDir, { recursive: true });
      await writeFile(dataDir, 'in the way');
    },
    async ({ server, app, dataDir }) => {
      const { json } = await server.call('authenticate', { url: app.at('/'), wait_seconds: 0 });
      await fetch(String(json.authorization_url));
      const signedIn = await server.call('authenticate', { url: app.at('/') });
      expect(signedIn.json.next_step).toContain('in memory');
      expect((await server.call('access_fetch', { url: app.at('/') })).json.auth).toBe('oauth');
      expect(await readFile(dataDir, 'utf8')).toBe('in the way');
    },
  ),
  ...(asRoot
    ? [
        row(
          'a session file of another user',
          'sign_in_required',
          ({ file }) => chown(file, nobody, nobody),
          setAside,
        ),
        row(
          'a data folder of another user: nothing is read or written there',
          'sign_in_required',
          ({ dataDir }) => chown(dataDir, nobody, nobody),
          async (place) => {
            bare(place);
            expect((await lstat(place.dataDir)).uid).toBe(nobody);
            expect(await readdir(join(place.dataDir, 'sessions'))).toHaveLength(1);
          },
        ),
      ]
    : []),
  row(
    'links, folders and garbage where locks, pendings and the key should be',
    null,
    async ({ dataDir, outside }) => {
      await writeFile(join(outside, 'victim'), 'x');
      await rm(join(dataDir, 'identity.key'), { force: true });
      await symlink(join(outside, 'victim'), join(dataDir, 'identity.key'));
      await mkdir(join(dataDir, 'pendings'), { recursive: true });
      execFileSync('mkfifo', [join(dataDir, 'pendings', `${'0'.repeat(32)}.json`)]);
      await mkdir(join(dataDir, 'pendings', `${'1'.repeat(32)}.json`));
      await mkdir(join(dataDir, 'locks'), { recursive: true });
      await symlink(join(outside, 'victim'), join(dataDir, 'locks', 'link'));
    },
    async ({ server, app, outside }) => {
      const force = { url: app.at('/'), wait_seconds: 0, force: true };
      const { json } = await server.call('authenticate', force);
      await fetch(String(json.authorization_url));
      const answer = await server.call('authenticate', { url: app.at('/') });
      expect(answer.json).toMatchObject({ status: 'authenticated' });
      expect(await readFile(join(outside, 'victim'), 'utf8')).toBe('x');
    },
  ),
];

matrix('disk', rows);
