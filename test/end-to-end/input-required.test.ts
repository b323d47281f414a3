/** A sign-in in the 2026-07-28 revision: asked for between two calls, on the wire as hosts see it. */
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Sandbox, startSandbox } from '../../src/sandbox/sandbox.ts';
import { signInAs } from '../../src/sandbox/team/person.ts';
import { writeBrowserProgram } from '../support/browser-program.ts';
import { callbackPort } from '../support/callback-port.ts';
import { temporaryFolder } from '../support/mcp-server.ts';
import { type Answer, envelope, type ModernHost, startModernHost } from '../support/modern-host.ts';

let sandbox: Sandbox;
let place: string;
let hosts: ModernHost[];
let opened: () => Promise<string[]>;

beforeEach(async () => {
  sandbox = await startSandbox();
  place = await temporaryFolder();
  opened = await writeBrowserProgram(join(place, 'browser'));
  hosts = [];
});
afterEach(async () => {
  for (const host of hosts) await host.end();
  await sandbox.close();
  await rm(place, { recursive: true, force: true });
});

async function start(
  capabilities?: object,
  environment: Record<string, string> = {},
): Promise<ModernHost> {
  const dataDir = join(place, 'data');
  const host = await startModernHost(
    {
      BROWSER: join(place, 'browser'),
      CF_ACCESS_DATA_DIR: dataDir,
      CF_ACCESS_CALLBACK_PORT: callbackPort(dataDir),
      ...environment,
    },
    capabilities,
  );
  hosts.push(host);
  return host;
}

const url = () => sandbox.applications['managed-oauth'].url.href;
const person = () => sandbox.people[0] ?? '';
const tokens = () => sandbox.requests.filter(({ what }) => what.startsWith('token:')).length;
const later = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** The address that the host is to show. */
function addressOf({ result }: Answer): string {
  const { method, params } = result?.inputRequests?.sign_in ?? {};
  expect(result?.resultType).toBe('input_required');
  expect(method).toBe('elicitation/create');
  expect(params).toMatchObject({ mode: 'url', message: expect.stringContaining('localhost') });
  return (params as { url: string }).url;
}

/** What the host sends with the same call, once the person has said something. */
const said = ({ result }: Answer, action: string) => ({
  inputResponses: { sign_in: { action } },
  requestState: result?.requestState,
});

describe('a sign-in', () => {
  it('is input_required at once, with the address, and the repeated call joins it', async () => {
    const host = await start();
    const startedAt = performance.now();
    const first = await host.call('authenticate', { url: url(), wait_seconds: 45 });
    expect(performance.now() - startedAt).toBeLessThan(5_000);
    const address = addressOf(first);
    expect(first.result).not.toHaveProperty('content');
    const again = host.call('authenticate', { url: url() }, said(first, 'accept'));
    await signInAs(address, person());
    expect(host.tell(await again)).toMatchObject({ status: 'authenticated' });
    expect((await again).result?.resultType).toBe('complete');
    expect(tokens()).toBe(1);
    expect(await opened()).toEqual([]);
  });

  it('goes on when the server has been restarted in between', async () => {
    const host = await start();
    const first = await host.call('access_fetch', { url: url() });
    const address = addressOf(first);
    process.kill(host.pid, 'SIGKILL');
    const other = await start();
    const again = other.call('access_fetch', { url: url() }, said(first, 'accept'));
    // Nobody listens for the callback until the other process has taken over the port.
    await expect
      .poll(async () => (await signInAs(address, person())).status, { timeout: 15_000 })
      .toBe(200);
    expect(other.tell(await again)).toMatchObject({ status: 200, auth: 'oauth' });
    expect(tokens()).toBe(1);
    expect(await opened()).toEqual([]);
  });

  it('is not begun once more by the repeated call of one that starts afresh', async () => {
    const host = await start();
    const first = await host.call('authenticate', { url: url(), force: true });
    await signInAs(addressOf(first), person());
    const again = await host.call(
      'authenticate',
      { url: url(), force: true },
      said(first, 'accept'),
    );
    expect(host.tell(again)).toMatchObject({ status: 'authenticated' });
    expect(tokens()).toBe(1);
  });

  it('that the person declines after two seconds is ended, and the agent is told to stop', async () => {
    const host = await start();
    const first = await host.call('authenticate', { url: url() });
    await later(2_000);
    const again = await host.call('authenticate', { url: url() }, said(first, 'decline'));
    expect(host.tell(again).error).toMatchObject({ code: 'sign_in_declined' });
    await signInAs(addressOf(first), person());
    expect(tokens()).toBe(0);
    expect(await opened()).toEqual([]);
  });

  it.each(['decline', 'cancel'])(
    'that the host itself answers with %s is shown in the browser',
    async (action) => {
      const host = await start();
      const first = await host.call('authenticate', { url: url() });
      const again = host.call(
        'authenticate',
        { url: url(), wait_seconds: 20 },
        said(first, action),
      );
      await expect.poll(opened, { timeout: 10_000 }).toEqual([addressOf(first)]);
      await signInAs(addressOf(first), person());
      expect(host.tell(await again)).toMatchObject({ status: 'authenticated' });
    },
  );

  it('that the host never takes up again has its address in the next call’s result', async () => {
    const host = await start();
    const first = await host.call('authenticate', { url: url() });
    const next = await host.call('authenticate', { url: url(), wait_seconds: 1 });
    expect(host.tell(next)).toMatchObject({
      status: 'pending',
      authorization_url: addressOf(first),
    });
    await signInAs(addressOf(first), person());
    expect(host.tell(await host.call('authenticate', { url: url() }))).toMatchObject({
      status: 'authenticated',
    });
    expect(await opened()).toEqual([]);
  });

  it('takes no answer that was given about another address', async () => {
    const host = await start();
    const first = await host.call('authenticate', { url: url() });
    const state = JSON.parse(
      Buffer.from(first.result?.requestState ?? '', 'base64url').toString(),
    ) as object;
    const other = Buffer.from(JSON.stringify({ ...state, askedAt: 1, address: 'x' }));
    const again = await host.call(
      'authenticate',
      { url: url(), wait_seconds: 1 },
      {
        inputResponses: { sign_in: { action: 'decline' } },
        requestState: other.toString('base64url'),
      },
    );
    expect(host.tell(again)).toMatchObject({ status: 'pending' });
  });

  it('has no secret in its state: neither the address nor what is in it', async () => {
    const host = await start();
    const first = await host.call('authenticate', { url: url() });
    const state = Buffer.from(first.result?.requestState ?? '', 'base64url').toString();
    for (const [, value] of new URL(addressOf(first)).searchParams) {
      expect(state).not.toContain(value);
    }
    expect(Object.keys(JSON.parse(state)).sort()).toEqual(['address', 'askedAt']);
  });

  it('is waited for where the host shows no addresses: in the browser, as ever', async () => {
    const host = await start({ elicitation: { form: {} } });
    const signingIn = host.call('authenticate', { url: url() });
    await expect.poll(opened, { timeout: 10_000 }).toHaveLength(1);
    await signInAs((await opened())[0] ?? '', person());
    expect(host.tell(await signingIn)).toMatchObject({ status: 'authenticated' });
  });
});

describe('a call that waits', () => {
  it('tells how long, and is ended by the host although it is its request 0', async () => {
    const host = await start({}, { CF_ACCESS_LOG: 'info' });
    const answered: Answer[] = [];
    host
      .ask('tools/call', {
        name: 'authenticate',
        arguments: { url: url(), wait_seconds: 60 },
        _meta: { ...envelope(), progressToken: 'waiting' },
      })
      .then((answer) => answered.push(answer));
    await expect
      .poll(() => host.heard, { timeout: 15_000 })
      .toContainEqual(
        expect.objectContaining({
          method: 'notifications/progress',
          params: expect.objectContaining({ progressToken: 'waiting' }),
        }),
      );
    expect(host.stderr()).not.toContain('a call ended');
    host.notify('notifications/cancelled', { requestId: 0 });
    await expect.poll(() => host.stderr(), { timeout: 5_000 }).toContain('a call ended');
    expect(answered).toEqual([]);
  });
});

describe('a POST that meets a challenge', () => {
  it('reaches the application once, after the sign-in', async () => {
    const host = await start();
    const post = { url: new URL('/echo', url()).href, method: 'POST', body: 'once' };
    const first = await host.call('access_fetch', post);
    await signInAs(addressOf(first), person());
    const again = await host.call('access_fetch', post, said(first, 'accept'));
    expect(host.tell(again)).toMatchObject({ status: 200 });
    expect(sandbox.requests.filter(({ what }) => what === 'origin')).toHaveLength(1);
  });
});

describe('the host’s roots', () => {
  it('are asked for once, and kept over a sign-in', async () => {
    const host = await start({ elicitation: { url: {} }, roots: {} });
    const root = `file://${place}`;
    const saving = { url: url(), save_to: join(place, 'page.html'), format: 'raw' };
    const first = await host.call('access_fetch', saving);
    expect(first.result?.inputRequests).toEqual({ roots: { method: 'roots/list' } });
    const second = await host.call('access_fetch', saving, {
      inputResponses: { roots: { roots: [{ uri: root }] } },
      requestState: first.result?.requestState,
    });
    await signInAs(addressOf(second), person());
    const third = await host.call('access_fetch', saving, said(second, 'accept'));
    expect(host.tell(third)).toMatchObject({ status: 200, saved_to: join(place, 'page.html') });
    expect(await readFile(join(place, 'page.html'), 'utf8')).toContain('<');
  });
});

it('refuses a state that it did not give out', async () => {
  const host = await start();
  for (const requestState of ['', 'x', Buffer.from('[]').toString('base64url'), 7]) {
    const { error } = await host.call('authenticate', { url: url() }, { requestState });
    expect(error).toMatchObject({ code: -32602, message: expect.stringContaining('requestState') });
  }
});
