/** login, token, status and logout, on the sandbox (contract §6). */
import { writeFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Sandbox, startSandbox } from '../../src/sandbox/sandbox.ts';
import { decline, signInAs } from '../../src/sandbox/team/person.ts';
import { eventually, startServer } from '../support/mcp-server.ts';
import { createProgram, type Program } from './program.ts';

let sandbox: Sandbox;
let program: Program;
let wiki: string;
let dashboard: string;

beforeEach(async () => {
  sandbox = await startSandbox({ announceDeviceFlow: true, deviceIntervalSeconds: 0.2 });
  program = await createProgram({ CF_ACCESS_TRANSFER_URL: sandbox.transfer.origin });
  wiki = sandbox.applications['managed-oauth'].url.href;
  dashboard = sandbox.applications['browser-login'].url.href;
});
afterEach(async () => {
  await program.remove();
  await sandbox.close();
});

const ada = () => sandbox.people[0] ?? '';

async function login(url: string): Promise<void> {
  const running = program.start(['login', url]);
  await program.signIn(ada());
  expect((await running.ended).code).toBe(0);
}

describe('login', () => {
  it('shows the address on stderr, opens it, and tells on stdout who may fetch what', async () => {
    const running = program.start(['login', wiki]);
    await program.signIn(ada());
    const { code, stdout, stderr } = await running.ended;
    expect(code).toBe(0);
    expect(stdout).toContain(`Signed in to ${wiki}`);
    expect(stdout).toContain('refreshed silently');
    expect(stderr).toContain((await program.opened())[0]);
  });

  it('names the person where the token does', async () => {
    const running = program.start(['login', dashboard]);
    await program.signIn(ada());
    expect((await running.ended).stdout).toContain(`as ${ada()}`);
  });

  it('takes an address without its scheme', async () => {
    await login(new URL(wiki).host);
  });

  it('asks nobody when there is a session, and asks again with --force', async () => {
    await login(wiki);
    expect(await program.run(['login', wiki])).toMatchObject({ code: 0 });
    expect(await program.opened()).toHaveLength(1);
    const forced = program.start(['login', '--force', wiki]);
    await program.signIn(ada());
    expect((await forced.ended).code).toBe(0);
  });

  it('answers as the tool does with --json', async () => {
    const running = program.start(['login', '--json', wiki]);
    await program.signIn(ada());
    expect((await running.ended).json).toMatchObject({
      status: 'authenticated',
      resource: wiki,
      method: 'authorization_code',
      authorization_server: sandbox.team.origin,
      authorization_url: null,
      next_step: `Use cloudflare-access-mcp fetch. Signed in at ${sandbox.team.origin}`,
    });
    const open = sandbox.applications.bypass.url.href;
    expect((await program.run(['login', '--json', open])).json).toMatchObject({
      status: 'not_needed',
      next_step: expect.stringContaining('asks for nothing'),
    });
  });

  it('gives a code for a browser elsewhere with --device (RFC 8628)', async () => {
    const running = program.start(['login', '--device', wiki]);
    const userCode = await eventually(() => /with the code (\S+)\./.exec(running.stderr())?.[1]);
    await program.signIn(ada(), { userCode });
    const { code, stdout } = await running.ended;
    expect(code).toBe(0);
    expect(stdout).toContain('by device code');
  });

  it('leaves with --wait 0 and opens nothing, and is finished by the address that the browser could not load', async () => {
    const left = await program.run(['login', '--wait', '0', '--json', wiki]);
    expect(left.code).toBe(1);
    expect(left.json).toMatchObject({
      status: 'pending',
      next_step: expect.stringMatching(/login \S+ --callback-url .*login \S+ to join it/),
    });
    expect(await program.opened()).toEqual([]);
    let ended = '';
    await signInAs(String(left.json.authorization_url), ada(), {
      stopAt: (url) => {
        ended = url.pathname === '/callback' ? url.href : '';
        return ended !== '';
      },
    });
    const finished = await program.run(['login', '--callback-url', ended, wiki]);
    expect(finished).toMatchObject({ code: 0 });
    expect(finished.stdout).toContain('Signed in');
  });

  it('says which sign-ins another command can finish, and how', async () => {
    const kept = await program.run(['login', '--wait', '0', wiki]);
    expect(kept.stderr).toMatch(/stays open for .*--callback-url/s);
    const transfer = await program.run(['login', '--wait', '0', dashboard]);
    expect(transfer.code).toBe(1);
    expect(transfer.stderr).toContain('ends with this command');
    expect(transfer.stderr).not.toMatch(/stays open|callback-url/);
    const { json } = await program.run(['login', '--force', '--wait', '0', '--json', dashboard]);
    expect(json).toMatchObject({
      status: 'pending',
      expires_at: null,
      next_step: expect.stringContaining('--wait'),
    });
  });

  it('shows the address of a sign-in that is open already', async () => {
    const left = await program.run(['login', '--wait', '0', '--json', wiki]);
    const url = String(left.json.authorization_url);
    const joined = program.start(['login', wiki]);
    const shown = await eventually(
      () => /is already open:\s+(http\S+)\s/.exec(joined.stderr()) ?? undefined,
    );
    expect(shown[1]).toBe(url);
    await signInAs(url, ada());
    expect((await joined.ended).code).toBe(0);
  });

  it('says so as well where that sign-in is another process’s own, whose address nobody else knows', async () => {
    const own = program.start(['login', dashboard]);
    await eventually(async () => ((await program.opened()).length > 0 ? true : undefined));
    const joined = program.start(['fetch', dashboard]);
    await eventually(
      () =>
        /is already open in another process.*login \S+ --force/s.exec(joined.stderr()) ?? undefined,
    );
    expect(joined.stderr()).not.toContain('token=');
    await program.signIn(ada());
    expect((await own.ended).code).toBe(0);
    expect((await joined.ended).code).toBe(0);
  });

  it('fails with 1 when the person declines, and does not go on', async () => {
    const running = program.start(['login', wiki]);
    await program.signIn(decline);
    const { code, stderr } = await running.ended;
    expect(code).toBe(1);
    expect(stderr).toContain('login');
  });

  it('and a server that wait for the same sign-in are told how it ended, each in their own words', async () => {
    const { dataDir } = program;
    const server = await startServer({ dataDir });
    try {
      const calling = server.call('authenticate', { url: wiki });
      const [address = ''] = await eventually(async () => {
        const opened = await server.opened();
        return opened.length > 0 ? opened : undefined;
      });
      const joined = program.start(['login', '--json', wiki]);
      await eventually(() => joined.stderr().includes(address) || undefined);
      await signInAs(address, decline);
      const forAgents = (await calling).json.error;
      expect(forAgents).toMatchObject({
        code: 'sign_in_declined',
        next_step: expect.stringContaining('unless the person asks for it'),
      });
      const { code, json } = await joined.ended;
      expect(code).toBe(1);
      expect(json.error).toMatchObject({
        code: 'sign_in_declined',
        message: forAgents?.message,
        next_step: expect.stringContaining(`To try once more: cloudflare-access-mcp login ${wiki}`),
      });
      expect(JSON.stringify(json)).not.toMatch(/authenticate|the person asks/);
      expect(await program.opened()).toEqual([]);
    } finally {
      await server.close();
    }
  });

  it('is interrupted at once, and says so to its shell', async () => {
    const running = program.start(['login', wiki]);
    await eventually(async () => (await program.opened())[0]);
    const at = performance.now();
    running.child.kill('SIGINT');
    expect((await running.ended).code).toBe(130);
    expect(performance.now() - at).toBeLessThan(2000);
  });

  it.runIf(process.platform === 'linux')(
    'works and ends where a data folder can never be made (contract §5)',
    async () => {
      const environment = { CF_ACCESS_DATA_DIR: '/proc/cloudflare-access-mcp/data' };
      const running = program.start(['login', '--wait', '0', wiki], { environment });
      const tooLong = setTimeout(() => running.child.kill('SIGKILL'), 15_000);
      const { code, stderr } = await running.ended;
      clearTimeout(tooLong);
      expect(code).toBe(1);
      expect(stderr).toContain('/authorization?');
      expect(stderr).toMatch(/ends with this command.*kept in memory only/s);
    },
  );

  it('is misused with 2: no URL, not a URL, http elsewhere, a bad option, a bad environment', async () => {
    const runs = await Promise.all([
      program.run(['login']),
      program.run(['login', 'https://']),
      program.run(['login', 'http://app.example.com/']),
      program.run(['login', '--method', 'magic', wiki]),
      program.run(['login', '--callback-url', 'https://example.com/callback', wiki]),
      program.run(['login', wiki], { environment: { CF_ACCESS_CALLBACK_PORT: 'x' } }),
    ]);
    expect(runs.map(({ code }) => code)).toEqual([2, 2, 2, 2, 2, 2]);
  });
});

describe('token', () => {
  it('prints the bare token, fit for a header of one’s own', async () => {
    await login(wiki);
    const { code, stdout } = await program.run(['token', wiki]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^oauth:\S+\n$/);
    const answer = await fetch(wiki, { headers: { authorization: `Bearer ${stdout.trim()}` } });
    expect(answer.status).toBe(200);
  });

  it('prints the whole header line, a curl configuration, and JSON', async () => {
    await login(dashboard);
    const header = await program.run(['token', '--header', dashboard]);
    expect(header.stdout).toMatch(/^cf-access-token: eyJ\S+\n$/);
    const config = await program.run(['token', '--curl-config', dashboard]);
    expect(config.stdout).toBe(`header = "${header.stdout.trim()}"\n`);
    const { json } = await program.run(['token', '--json', dashboard]);
    expect(json).toMatchObject({ resource: dashboard, header: 'cf-access-token' });
  });

  it('refreshes a token that would not live long enough, and signs nobody in', async () => {
    await login(wiki);
    const first = await program.run(['token', wiki]);
    const second = await program.run(['token', '--min-ttl', '80000', wiki]);
    expect(second.stdout).not.toBe(first.stdout);
    const other = await program.run(['token', dashboard]);
    expect(other).toMatchObject({ code: 1, stdout: '' });
    expect(other.stderr).toContain(`cloudflare-access-mcp login ${dashboard}`);
    const { json } = await program.run(['token', '--json', dashboard]);
    expect(json).toMatchObject({ error: { code: 'sign_in_required' } });
  });
});

describe('status', () => {
  it('lists resources, methods and expiries, and never a token', async () => {
    await login(wiki);
    await login(dashboard);
    const token = (await program.run(['token', wiki])).stdout.trim();
    const { code, stdout, stderr } = await program.run(['status']);
    expect(code).toBe(0);
    expect(stdout).toContain(wiki);
    expect(stdout).toContain('browser transfer');
    const asJson = await program.run(['status', '--json']);
    expect(asJson.json).toMatchObject({
      data_dir: program.dataDir,
      sessions: expect.arrayContaining([
        expect.objectContaining({ resource: wiki, state: 'active', issuer: sandbox.team.origin }),
      ]),
    });
    for (const text of [stdout, stderr, asJson.stdout]) {
      expect(text).not.toContain(token);
      expect(text).not.toMatch(/eyJ|oauth:/);
    }
  });

  it('is fine with nothing to list, and makes no folder for it', async () => {
    const { code, stdout } = await program.run(['status']);
    expect(code).toBe(0);
    expect(stdout).toContain('Nobody is signed in');
    expect((await program.run(['status', '--json'])).json).toMatchObject({ sessions: [] });
  });
});

it('status names no folder as the place of what is in memory alone', async () => {
  const file = join(program.place, 'file');
  await writeFile(file, '');
  const { code, stderr } = await program.run(['status'], {
    environment: { CF_ACCESS_DATA_DIR: file },
  });
  expect(code).toBe(0);
  expect(stderr).toContain('in memory only');
  expect(stderr).not.toContain('stored in');
});

describe.runIf(process.platform === 'linux')('the default data folder', () => {
  it.each([
    { HOME: '' },
    { HOME: 'relative' },
    { HOME: userInfo().homedir, XDG_DATA_HOME: 'relative' },
  ])('is at home, never in the working directory: %o', async (environment) => {
    const { json } = await program.run(['status', '--json'], {
      environment: { ...environment, CF_ACCESS_DATA_DIR: '' },
    });
    const home = join(userInfo().homedir, '.local', 'share', 'cloudflare-access-mcp');
    expect(json.data_dir).toBe(home);
  });
});

describe('logout', () => {
  const revocations = () => sandbox.requests.filter(({ what }) => what === 'revocation');

  it('revokes at the server and removes here (RFC 7009)', async () => {
    await login(wiki);
    const { code, stdout } = await program.run(['logout', wiki]);
    expect(code).toBe(0);
    expect(stdout).toContain('the server confirmed it');
    expect(revocations()).toHaveLength(1);
    expect((await program.run(['token', wiki])).code).toBe(1);
  });

  it('says when a server did not confirm, fails, and has removed it all the same', async () => {
    await login(wiki);
    await sandbox.close();
    const { code, stderr } = await program.run(['logout', wiki]);
    expect(code).toBe(1);
    expect(stderr).toContain('on this machine only');
    expect((await program.run(['status', '--json'])).json).toMatchObject({ sessions: [] });
  });

  it('ends everything with --all: sessions, open sign-ins and team logins', async () => {
    await login(wiki);
    await login(dashboard);
    await program.run(['login', '--force', '--wait', '0', wiki]);
    const { code, json } = await program.run(['logout', '--all', '--json']);
    expect(code).toBe(0);
    expect(json).toMatchObject({ removed: { sign_ins: 1, team_logins: 1 } });
    const { json: status } = await program.run(['status', '--json']);
    expect(status).toMatchObject({ sessions: [], sign_ins: [] });
    // Nothing is left that would let the dashboard be reached without asking.
    expect((await program.run(['fetch', '--no-sign-in', dashboard])).code).toBe(67);
  });

  it('tells when a team login stays, which would sign in again by itself', async () => {
    await login(dashboard);
    const { stdout } = await program.run(['logout', dashboard]);
    expect(stdout).toContain('logout --all');
  });

  it('is misused without a URL and without --all, or with both', async () => {
    expect((await program.run(['logout'])).code).toBe(2);
    expect((await program.run(['logout', '--all', wiki])).code).toBe(2);
  });
});
