/** cloudflared's own files under HOME/.cloudflared: used where they are, read-only. */
import {
  chmod,
  chown,
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
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Sandbox, startSandbox } from '../../src/sandbox/sandbox.ts';
import { signInAs } from '../../src/sandbox/team/person.ts';
import { createSigner } from '../cloudflare/signer.ts';
import { startEvilHost } from '../support/evil-host.ts';
import { eventually, startServer, type TestServer } from '../support/mcp-server.ts';

let sandbox: Sandbox;
let server: TestServer;
let home: string;
let folder: string;
/** As cloudflared would have it: obtained by a sign-in of its own. */
let jwt: string;

beforeAll(async () => {
  sandbox = await startSandbox();
  const donor = await startServer({
    environment: { CF_ACCESS_TRANSFER_URL: sandbox.transfer.origin },
  });
  const signingIn = donor.call('authenticate', { url: urlOf() });
  await signInAs(await eventually(async () => (await donor.opened())[0]), sandbox.people[0] ?? '');
  await signingIn;
  jwt = String((await donor.call('get_token', { url: urlOf() })).json.value);
  await donor.close();
});
afterAll(() => sandbox.close());
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'cloudflared-home-'));
  folder = join(home, '.cloudflared');
  await mkdir(folder, { mode: 0o700 });
  server = await startServer({
    environment: { HOME: home, CF_ACCESS_TRANSFER_URL: sandbox.transfer.origin },
  });
});
afterEach(async () => {
  await server.close();
  await rm(home, { recursive: true, force: true });
});

const application = () => sandbox.applications['browser-login'];
const urlOf = (path = '/echo') => new URL(path, application().url).href;
const tokenFile = () => join(folder, `${application().url.host}-${application().audience}-token`);
const keep = (mode = 0o600) => writeFile(tokenFile(), jwt, { mode });
const isIgnored = async () => {
  const detected = await server.call('detect_protection', { url: urlOf() });
  expect(detected.json.session).toMatchObject({ state: 'none' });
  const { json } = await server.call('authenticate', { url: urlOf(), wait_seconds: 0 });
  expect(json).toMatchObject({ status: 'pending', method: 'browser_transfer' });
};

describe('a token that cloudflared keeps', () => {
  it('is used as it is, and neither copied, locked nor changed', async () => {
    await keep();
    const before = await stat(tokenFile(), { bigint: true });
    const detected = await server.call('detect_protection', { url: urlOf() });
    expect(detected.json.session).toMatchObject({ state: 'active', method: 'cloudflared' });
    expect(detected.json.session).not.toMatchObject({ expires_at: null });
    expect(detected.json.next_step).toMatch(/^Call access_fetch/);
    const signedIn = await server.call('authenticate', { url: urlOf() });
    expect(signedIn.json).toMatchObject({ status: 'authenticated', method: 'cloudflared' });
    const { json } = await server.call('access_fetch', { url: urlOf() });
    expect(json).toMatchObject({ status: 200, auth: 'cf_access_token' });
    expect((await server.call('get_token', { url: urlOf() })).json.value).toBe(jwt);
    const after = await stat(tokenFile(), { bigint: true });
    expect({ ...after, atimeMs: 0n, atimeNs: 0n, atime: 0 }).toEqual({
      ...before,
      atimeMs: 0n,
      atimeNs: 0n,
      atime: 0,
    });
    expect(await readFile(tokenFile(), 'utf8')).toBe(jwt);
    expect(await readdir(folder)).toHaveLength(1);
    expect(await server.opened()).toEqual([]);
    const kept = await readdir(server.dataDir, { recursive: true, withFileTypes: true }).catch(
      () => [],
    );
    const texts = await Promise.all(
      kept
        .filter((entry) => entry.isFile())
        .map((entry) => readFile(join(entry.parentPath, entry.name), 'utf8')),
    );
    expect(texts.join('\n')).not.toContain(jwt);
  });

  it('gives way to a sign-in when Access refuses it, without a loop', async () => {
    await keep();
    expect((await server.call('access_fetch', { url: urlOf() })).json.status).toBe(200);
    sandbox.endGrants();
    const fetching = server.call('access_fetch', { url: urlOf() });
    const opened = await eventually(async () => (await server.opened())[0]);
    await signInAs(opened, sandbox.people[0] ?? '');
    expect((await fetching).json).toMatchObject({ status: 200, auth: 'cf_access_token' });
    expect(await server.opened()).toHaveLength(1);
    expect(await readFile(tokenFile(), 'utf8')).toBe(jwt);
    jwt = String((await server.call('get_token', { url: urlOf() })).json.value);
  });

  it('is left alone when others can read it', async () => {
    await keep();
    await chmod(tokenFile(), 0o644);
    await isIgnored();
  });

  it('is left alone when others can write to its folder', async () => {
    await keep();
    await chmod(folder, 0o777);
    await isIgnored();
  });

  it.skipIf(process.getuid?.() !== 0)(
    'is left alone when it belongs to somebody else',
    async () => {
      await keep();
      await chown(tokenFile(), 12_345, 12_345);
      await isIgnored();
    },
  );

  it('is left alone when it is a link', async () => {
    const elsewhere = join(home, 'elsewhere');
    await writeFile(elsewhere, jwt, { mode: 0o600 });
    await symlink(elsewhere, tokenFile());
    await isIgnored();
  });

  it.each([
    ['garbage', () => 'garbage'],
    ['nothing', () => ''],
    [
      'a token that its team has not signed',
      () => {
        const [header = '', claims = ''] = jwt
          .split('.')
          .slice(0, 2)
          .map((part) => JSON.parse(Buffer.from(part, 'base64url').toString()));
        return createSigner(Object(header).kid).jwt(Object(claims));
      },
    ],
    [
      'another application’s token',
      () =>
        jwt.replace(
          /\.[^.]+\./,
          `.${Buffer.from(JSON.stringify({ aud: ['c'.repeat(64)], iss: sandbox.team.origin, exp: 9_999_999_999 })).toString('base64url')}.`,
        ),
    ],
  ])('is left alone when it holds %s', async (_, content) => {
    await writeFile(tokenFile(), content(), { mode: 0o600 });
    await isIgnored();
  });

  it('is not sent to a host that only claims to be the application', async () => {
    await keep();
    const { audience, url } = application();
    const evil = await startEvilHost(() => ({
      status: 302,
      headers: {
        location: `${sandbox.team.origin}/cdn-cgi/access/login/${url.host}?kid=${audience}`,
        'cf-access-domain': url.host,
        'cf-access-aud': audience,
      },
    }));
    await server.call('detect_protection', { url: evil.url.href });
    await server.call('access_fetch', { url: evil.url.href, sign_in: false });
    await server.call('get_token', { url: evil.url.href });
    expect(evil.reached.length).toBeGreaterThan(2);
    expect(JSON.stringify(evil.reached)).not.toContain(jwt);
    await evil.close();
  });
});
