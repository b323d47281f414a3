import { execFileSync } from 'node:child_process';
import {
  chmod,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  readCloudflaredOrgToken,
  readCloudflaredToken,
} from '../../src/cloudflare/cloudflared-files.ts';
import { createSigner } from './signer.ts';

const signer = createSigner('k');
const audience = 'a1'.repeat(32);
const now = Date.UTC(2026, 10, 21);
const url = new URL('https://app.example.com/wiki');
const teamDomain = 'acme.cloudflareaccess.com';
const claims = {
  aud: [audience],
  iss: `https://${teamDomain}`,
  exp: now / 1000 + 3600,
  type: 'app',
};
const jwt = signer.jwt(claims);
const userId = process.getuid?.();
const found = { token: { jwt, teamDomain, expiresAt: now + 3_600_000 } };

const keys = { find: async () => signer.publicKey };

let folder: string;
beforeEach(async () => {
  folder = join(await mkdtemp(join(tmpdir(), 'cloudflared-')), '.cloudflared');
  await mkdir(folder, { mode: 0o700 });
});
afterEach(() => rm(join(folder, '..'), { recursive: true, force: true }));

const name = `app.example.com-${audience}-token`;
const put = (text: string, { as = name, mode = 0o600 } = {}) =>
  writeFile(join(folder, as), text, { mode });
const read = (more: object = {}) =>
  readCloudflaredToken(
    { url, domain: 'app.example.com', audience, proven: false, ...more },
    { folder, now, userId, keys, ...more },
  );
const ignored = (why: RegExp) => ({ ignored: expect.stringMatching(why) });

describe('cloudflared’s token for an application', () => {
  test('is read, and the folder is left as it was', async () => {
    await put(`${jwt}\n`);
    const before = await stat(join(folder, name));
    expect(await read()).toEqual(found);
    expect(await read({ teamDomain })).toEqual(found);
    expect(await readdir(folder)).toEqual([name]);
    expect(await readFile(join(folder, name), 'utf8')).toBe(`${jwt}\n`);
    expect((await stat(join(folder, name))).mtimeMs).toBe(before.mtimeMs);
  });

  test('is absent where there is no file or no folder', async () => {
    expect(await read()).toBeUndefined();
    expect(await read({ folder: join(folder, 'none') })).toBeUndefined();
    await put('x', { as: 'file' });
    expect(await read({ folder: join(folder, 'file') })).toBeUndefined();
  });

  test('of a path or a wildcard has - for / and *', async () => {
    await put(jwt, { as: `app.example.com-admin-${audience}-token` });
    expect(await read({ domain: 'app.example.com/admin' })).toEqual(found);
    await put(jwt, { as: `-.example.com-${audience}-token` });
    expect(await read({ domain: '*.example.com', proven: true })).toEqual(found);
  });

  test('of another host is not read on the asked host’s own word', async () => {
    await put(jwt, { as: `victim.example.com-${audience}-token` });
    expect(await read({ domain: 'victim.example.com' })).toBeUndefined();
    await put(jwt, { as: `-.example.com-${audience}-token` });
    expect(await read({ domain: '*.example.com' })).toBeUndefined();
  });

  test.each(['../secret', '..', 'a\0b', 'a b', '', 'app.example.com\n', 'x'.repeat(300)])(
    'is not looked for under a strange name: %j',
    async (domain) => {
      await writeFile(join(folder, '..', `secret-${audience}-token`), jwt, { mode: 0o600 });
      expect(await read({ domain, proven: true })).toBeUndefined();
    },
  );

  test('is not looked for under a strange audience', async () => {
    expect(await read({ audience: '../../x' })).toBeUndefined();
  });

  test.each<[string, object, RegExp]>([
    ['has expired', { ...claims, exp: now / 1000 }, /expired/],
    ['is for another application', { ...claims, aud: ['b2'.repeat(32)] }, /another application/],
    ['is of a stranger', { ...claims, iss: 'https://evil.example' }, /not issued/],
  ])('is left alone when it %s', async (_, given, why) => {
    await put(signer.jwt(given));
    expect(await read()).toEqual(ignored(why));
  });

  test('is left alone when it is another team’s than the pinned one', async () => {
    await put(jwt);
    expect(await read({ teamDomain: 'other.cloudflareaccess.com' })).toEqual(
      ignored(/another team/),
    );
  });

  test.each(['', 'hello', `${jwt}.x`])('is left alone when it is damaged: %#', async (text) => {
    await put(text);
    expect(await read()).toEqual(ignored(/not a JWT/));
  });

  test('is left alone when it is larger than a token can be', async () => {
    await put(`${jwt}${'\n'.repeat(16_384)}`);
    expect(await read()).toEqual(ignored(/too large/));
  });
});

describe.skipIf(userId === undefined)(
  'a file that others could have written or read is left alone',
  () => {
    test.each([0o644, 0o640, 0o660, 0o606])('mode %o', async (mode) => {
      await put(jwt);
      await chmod(join(folder, name), mode);
      expect(await read()).toEqual(ignored(/read by others/));
    });

    test('another owner’s', async () => {
      await put(jwt);
      expect(await read({ userId: (userId ?? 0) + 1 })).toEqual(ignored(/others can write/));
    });

    test('in a folder that others can write to', async () => {
      await put(jwt);
      await chmod(folder, 0o770);
      expect(await read()).toEqual(ignored(/others can write/));
    });

    test('a symbolic link, a folder and a named pipe', async () => {
      await put(jwt, { as: 'real' });
      await symlink(join(folder, 'real'), join(folder, name));
      expect(await read()).toEqual(ignored(/symbolic link/));
      await rm(join(folder, name));
      await mkdir(join(folder, name), { mode: 0o700 });
      expect(await read()).toEqual(ignored(/not a regular file/));
      await rm(join(folder, name), { recursive: true });
      execFileSync('mkfifo', ['-m', '600', join(folder, name)]);
      expect(await read()).toEqual(ignored(/not a regular file/));
    });
  },
);

test('the org token is read by its team’s name, and an application’s token does not pass for it', async () => {
  const org = signer.jwt({ ...claims, aud: 'org', type: 'org' });
  const as = `${teamDomain}-org-token`;
  expect(
    await readCloudflaredOrgToken(teamDomain, url, { folder, now, userId, keys }),
  ).toBeUndefined();
  await put(org, { as });
  expect(
    await readCloudflaredOrgToken(teamDomain, url, { folder, now, userId, keys }),
  ).toMatchObject({
    token: { jwt: org },
  });
  await put(jwt, { as });
  expect(await readCloudflaredOrgToken(teamDomain, url, { folder, now, userId, keys })).toEqual(
    ignored(/not the team’s/),
  );
  expect(await readCloudflaredOrgToken('../x', url, { folder, now, userId, keys })).toBeUndefined();
});
