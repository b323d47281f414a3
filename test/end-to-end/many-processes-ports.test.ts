/** A sign-in outlives its process, and shares its port with others' (contract §4.6, §5). */
import { afterEach, describe, expect, it } from 'vitest';
import { type Sandbox, startSandbox } from '../../src/sandbox/sandbox.ts';
import { freePort } from '../support/callback-port.ts';
import {
  callbackOf,
  counts,
  type Fleet,
  kill,
  occupy,
  personSignsIn,
  startFleet,
} from '../support/fleet.ts';
import type { TestServer } from '../support/mcp-server.ts';
import { eventually, startServer } from '../support/mcp-server.ts';
import { openSessionRoom } from '../support/session-room.ts';

const cleanUps: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

async function start(size: number): Promise<{ sandbox: Sandbox; fleet: Fleet }> {
  const [sandbox, fleet] = await Promise.all([startSandbox(), startFleet(size)]);
  cleanUps.push(sandbox.close, fleet.close);
  return { sandbox, fleet };
}

const wiki = ({ applications }: Sandbox) => applications['managed-oauth'].url.href;
const admin = ({ applications }: Sandbox) =>
  new URL('/admin', applications['managed-oauth-path'].url).href;
const portOf = (address: string) =>
  Number(new URL(new URL(address).searchParams.get('redirect_uri') ?? '').port);

/** Begins a sign-in that waits for the person; gives the address that the browser was sent to. */
async function begin(server: TestServer, url: string): Promise<string> {
  const { json } = await server.call('authenticate', { url, wait_seconds: 0 });
  expect(json.status).toBe('pending');
  await eventually(async () => ((await server.opened()).length > 0 ? true : undefined));
  return String(json.authorization_url);
}

const isSignedIn = (server: TestServer, url: string) =>
  eventually(async () => {
    const { json } = await server.call('access_fetch', { url, sign_in: false });
    return json.status === 200 ? true : undefined;
  });

describe('a process that is killed while the person signs in', () => {
  it('is replaced by one that waits for the same sign-in', async () => {
    const { sandbox, fleet } = await start(2);
    const [first, second] = fleet.servers as [TestServer, TestServer];
    const address = await begin(first, wiki(sandbox));
    const waiting = second.call('access_fetch', { url: wiki(sandbox) });
    await eventually(() => ((counts(sandbox).challenge ?? 0) > 1 ? true : undefined));
    await kill(first);
    const end = await eventually(async () => {
      const visited = await personSignsIn(sandbox, address);
      return visited.status === undefined ? undefined : visited;
    });
    expect(end.status).toBe(200);
    expect((await waiting).json).toMatchObject({ status: 200, auth: 'oauth' });
    expect(await fleet.opened()).toHaveLength(1);
    expect(counts(sandbox)).toMatchObject({ registration: 1, 'token:authorization_code': 1 });
  });

  it('is replaced by one that is started later, which asks for no second sign-in', async () => {
    const { sandbox, fleet } = await start(1);
    const address = await begin(fleet.servers[0] as TestServer, wiki(sandbox));
    await kill(fleet.servers[0] as TestServer);
    // The browser comes back while nobody is there: the person will load the address again.
    const callback = await callbackOf(sandbox, address);
    expect(await fetch(callback).catch(() => 'nobody')).toBe('nobody');
    const later = await fleet.add();
    const { json } = await later.call('authenticate', { url: wiki(sandbox), wait_seconds: 0 });
    expect(json).toMatchObject({ status: 'pending', authorization_url: address });
    expect((await fetch(callback)).status).toBe(200);
    expect(await isSignedIn(later, wiki(sandbox))).toBe(true);
    expect(await fleet.opened()).toHaveLength(1);
    expect(counts(sandbox)).toMatchObject({ registration: 1, 'token:authorization_code': 1 });
  });

  it('is replaced by one that is handed the address which the browser could not load', async () => {
    const { sandbox, fleet } = await start(1);
    const address = await begin(fleet.servers[0] as TestServer, wiki(sandbox));
    await kill(fleet.servers[0] as TestServer);
    const later = await fleet.add();
    const { json } = await later.call('authenticate', {
      url: wiki(sandbox),
      callback_url: await callbackOf(sandbox, address),
    });
    expect(json).toMatchObject({ status: 'authenticated', method: 'authorization_code' });
    expect(counts(sandbox)['token:authorization_code']).toBe(1);
  });
});

describe('two sign-ins for two resources', () => {
  it('share the listener of one process, which closes after the last', async () => {
    const { sandbox, fleet } = await start(1);
    const server = fleet.servers[0] as TestServer;
    const addresses = [await begin(server, wiki(sandbox)), await begin(server, admin(sandbox))];
    expect(addresses.map(portOf)).toEqual([fleet.port, fleet.port]);
    for (const address of addresses) {
      expect((await personSignsIn(sandbox, address)).status).toBe(200);
    }
    await isSignedIn(server, wiki(sandbox));
    await isSignedIn(server, admin(sandbox));
    await eventually(() =>
      fetch(`http://localhost:${fleet.port}/`).then(
        () => undefined,
        () => true,
      ),
    );
    expect(counts(sandbox).registration).toBe(1);
  });

  it.each(['first', 'second'])(
    'of two processes both end well when the %s is killed',
    async (who) => {
      const { sandbox, fleet } = await start(2);
      const [first, second] = fleet.servers as [TestServer, TestServer];
      const addresses = [await begin(first, wiki(sandbox)), await begin(second, admin(sandbox))];
      expect(addresses.map(portOf)).toEqual([fleet.port, fleet.port]);
      const [dies, lives] = who === 'first' ? [first, second] : [second, first];
      await kill(dies);
      for (const address of addresses) {
        const end = await eventually(async () => {
          const visited = await personSignsIn(sandbox, address);
          return visited.status === undefined ? undefined : visited;
        });
        expect(end.status).toBe(200);
      }
      expect(await isSignedIn(lives, wiki(sandbox))).toBe(true);
      expect(await isSignedIn(lives, admin(sandbox))).toBe(true);
      expect(await fleet.opened()).toHaveLength(2);
      expect(counts(sandbox)).toMatchObject({ registration: 1, 'token:authorization_code': 2 });
    },
  );
});

describe('a program of somebody else’s on the callback port', () => {
  const places = [
    { on: '127.0.0.1', hosts: ['127.0.0.1'] },
    { on: '::1', hosts: ['::1'] },
    { on: 'both', hosts: ['127.0.0.1', '::1'] },
  ];

  it.each(places)(
    'on $on: the next port is used, with a registration of its own',
    async ({ hosts }) => {
      const sandbox = await startSandbox();
      cleanUps.push(sandbox.close);
      const { fleet } = { fleet: await startFleet(0) };
      cleanUps.push(fleet.close);
      const [taken, next] = [await freePort(), await freePort()];
      const url = sandbox.applications['managed-oauth'].url;
      const person = sandbox.people[0];
      const rooms = () => openSessionRoom({ dataDir: fleet.dataDir, person, ports: [taken, next] });
      // Registered while the port was ours: of no use with the next one.
      const before = rooms();
      expect(await before.status(url)).toBe(200);
      await before.close();
      sandbox.endGrants();
      for (const host of hosts) cleanUps.push((await occupy(host, taken)).close);
      const after = rooms();
      cleanUps.push(after.close);
      expect(await after.status(url)).toBe(200);
      expect([...before.opened, ...after.opened].map(portOf)).toEqual([taken, next]);
      expect(counts(sandbox).registration).toBe(2);
    },
  );

  it('the server’s first port, 8400, is passed over when it is taken', async () => {
    const sandbox = await startSandbox();
    const server = await startServer({ environment: { CF_ACCESS_CALLBACK_PORT: '' } });
    cleanUps.push(sandbox.close, server.close);
    for (const host of ['127.0.0.1', '::1']) {
      // Taken already on this machine: as good for the test.
      await occupy(host, 8400).then(
        ({ close }) => cleanUps.push(close),
        () => {},
      );
    }
    const address = await begin(server, wiki(sandbox));
    expect(portOf(address)).toBeGreaterThan(8400);
    expect(portOf(address)).toBeLessThan(8410);
    expect((await personSignsIn(sandbox, address)).status).toBe(200);
  });

  it('ends in callback_port_unavailable when the port is pinned', async () => {
    const { sandbox, fleet } = await start(1);
    const [server] = fleet.servers as [TestServer];
    for (const host of ['127.0.0.1', '::1']) {
      const stranger = await occupy(host, fleet.port);
      const { json } = await server.call('access_fetch', { url: wiki(sandbox) });
      await stranger.close();
      expect(json.error).toMatchObject({ code: 'callback_port_unavailable' });
      expect(json.error?.message).toContain(String(fleet.port));
      expect(json.error?.next_step).toContain('CF_ACCESS_CALLBACK_PORT');
    }
    expect(await server.opened()).toEqual([]);
    expect(counts(sandbox).registration).toBeUndefined();
  });
});
