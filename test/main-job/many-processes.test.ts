/** One session among several built servers: refreshed once, signed in once, left once (contract §5). */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Sandbox, startSandbox } from '../../src/sandbox/sandbox.ts';
import type { Fault, FaultHook } from '../../src/sandbox/server/fault.ts';
import { complaints, counts, type Fleet, personSignsIn, startFleet } from '../support/fleet.ts';
import { openSessionRoom } from '../support/session-room.ts';

let sandbox: Sandbox;
let fleet: Fleet;
let fault: FaultHook | undefined;

async function start(size: number): Promise<void> {
  [sandbox, fleet] = await Promise.all([
    startSandbox({ fault: (request) => fault?.(request) }),
    startFleet(size),
  ]);
}
async function end(): Promise<void> {
  await fleet.close();
  await sandbox.close();
}

const page = () => new URL('/echo', sandbox.applications['managed-oauth'].url).href;
const fetchAll = () =>
  Promise.all(fleet.servers.map((server) => server.call('access_fetch', { url: page() })));
const statuses = async () => (await fetchAll()).map(({ json }) => json.status ?? json.error);
const ok = (count: number): number[] => Array(count).fill(200);

/** What the browsers were asked to open since `before`, as soon as there is something. */
async function openedSince(before: readonly string[]): Promise<string> {
  const addresses = await fleet.openedAddresses(before.length + 1);
  return addresses.find((each) => !before.includes(each)) ?? '';
}

describe('eight processes', () => {
  beforeAll(() => start(8));
  afterAll(end);

  it('that need a first sign-in at once open one browser, register once and redeem one code', async () => {
    const fetching = statuses();
    await personSignsIn(sandbox, await openedSince([]));
    expect(await fetching).toEqual(ok(8));
    expect(await fleet.opened()).toHaveLength(1);
    expect(counts(sandbox)).toMatchObject({
      registration: 1,
      'token:authorization_code': 1,
      origin: 8,
    });
    expect(counts(sandbox)['token:refresh_token']).toBeUndefined();
    expect(complaints(sandbox)).toEqual([]);
  });
});

describe('four processes with a session', () => {
  let before: string[];
  beforeAll(async () => {
    await start(4);
    const fetching = statuses();
    await personSignsIn(sandbox, await openedSince([]));
    expect(await fetching).toEqual(ok(4));
  });
  beforeEach(async () => {
    fault = undefined;
    sandbox.clearRequests();
    before = await fleet.opened();
  });
  afterAll(end);

  it('that all meet the end of the access token spend one refresh token a round', async () => {
    for (let round = 1; round <= 5; round += 1) {
      sandbox.expireAccessTokens();
      expect([round, ...(await statuses())]).toEqual([round, ...ok(4)]);
      expect(counts(sandbox)['token:refresh_token']).toBe(round);
    }
    expect(complaints(sandbox)).toEqual([]);
    expect(await fleet.opened()).toEqual(before);
  });

  it('keep it through trouble of the server, and open nothing', async () => {
    for (const trouble of [{ status: 503 }, { status: 429 }, { reset: true }] satisfies Fault[]) {
      fault = ({ what }) => (what === 'token:refresh_token' ? trouble : undefined);
      sandbox.expireAccessTokens();
      for (const { json } of await fetchAll()) {
        expect(json.error?.code).toMatch(/^(temporarily_unavailable|network_error)$/);
      }
    }
    fault = undefined;
    expect(await statuses()).toEqual(ok(4));
    expect(await fleet.opened()).toEqual(before);
    expect(complaints(sandbox)).toEqual([]);
  });

  it('sign in once more when the answer with the new tokens was lost', async () => {
    let lost = false;
    fault = ({ what }) => {
      if (lost || what !== 'token:refresh_token') return undefined;
      lost = true;
      return { reset: true, afterWork: true };
    };
    sandbox.expireAccessTokens();
    const fetching = fetchAll();
    await personSignsIn(sandbox, await openedSince(before));
    const answers = await fetching;
    // The one whose answer was lost says so; the grant was over for the others.
    expect(answers.filter(({ json }) => json.error?.code === 'network_error')).toHaveLength(1);
    expect(answers.filter(({ json }) => json.status === 200)).toHaveLength(3);
    expect(await statuses()).toEqual(ok(4));
    expect(await fleet.opened()).toHaveLength(before.length + 1);
    expect(complaints(sandbox)).toEqual(['refresh_token_reuse']);
  });

  it('sign in once more, all together, when the grant was ended', async () => {
    sandbox.endGrants();
    const fetching = statuses();
    await personSignsIn(sandbox, await openedSince(before));
    expect(await fetching).toEqual(ok(4));
    expect(await fleet.opened()).toHaveLength(before.length + 1);
    expect(counts(sandbox)).toMatchObject({
      'token:refresh_token': 1,
      'token:authorization_code': 1,
    });
    expect(counts(sandbox).registration).toBeUndefined();
  });

  it('wait on for the sign-in that one of them starts in the place of another', async () => {
    sandbox.endGrants();
    const [first, second, ...others] = fleet.servers;
    if (!first || !second) throw new Error('there are no servers');
    const fetching = Promise.all(
      others.map((server) => server.call('access_fetch', { url: page() })),
    );
    const lost = [await openedSince(before)];
    const anew = { url: page(), force: true };
    const short = first.call('authenticate', { ...anew, wait_seconds: 3 });
    lost.push(await openedSince([...before, ...lost]));
    const long = second.call('authenticate', { ...anew, wait_seconds: 30 });
    const last = await openedSince([...before, ...lost]);
    expect((await short).json).toMatchObject({ status: 'pending', authorization_url: last });
    await personSignsIn(sandbox, last);
    expect((await fetching).map(({ json }) => json.status ?? json.error)).toEqual(ok(2));
    expect((await long).json.status).toBe('authenticated');
    expect(await fleet.opened()).toHaveLength(before.length + 3);
    expect(complaints(sandbox)).toEqual([]);
  });

  it('refresh what another has kept meanwhile, when that is refused as well', async () => {
    const [first, second] = fleet.servers;
    if (!first || !second) throw new Error('there are no servers');
    const fetch = async () => (await first.call('access_fetch', { url: page() })).json.status;
    expect(await fetch()).toBe(200);
    const forced = second.call('authenticate', { url: page(), force: true });
    await personSignsIn(sandbox, await openedSince(before));
    expect((await forced).json.status).toBe('authenticated');
    sandbox.expireAccessTokens();
    sandbox.clearRequests();
    expect(await fetch()).toBe(200);
    // With the token that it still had, with the other's, and with the refreshed one.
    expect(counts(sandbox)).toEqual({ challenge: 2, origin: 1, 'token:refresh_token': 1 });
  });

  const forgotten: Fault = {
    status: 401,
    headers: { 'content-type': 'application/json' },
    body: '{"error":"invalid_client"}',
  };

  it('register once more, all together, when a refresh finds their client forgotten', async () => {
    let gone: string | null | undefined;
    fault = ({ what, body }) => {
      if (!what.startsWith('token:')) return undefined;
      const client = new URLSearchParams(body).get('client_id');
      gone ??= client;
      return client === gone ? forgotten : undefined;
    };
    sandbox.expireAccessTokens();
    const fetching = statuses();
    await personSignsIn(sandbox, await openedSince(before));
    expect(await fetching).toEqual(ok(4));
    expect(counts(sandbox).registration).toBe(1);
    expect(await fleet.opened()).toHaveLength(before.length + 1);
  });

  it('register once more, all together, when the redemption of a code finds it forgotten', async () => {
    let gone: string | null | undefined;
    fault = ({ what, body }) => {
      if (what !== 'token:authorization_code') return undefined;
      const client = new URLSearchParams(body).get('client_id');
      gone ??= client;
      return client === gone ? forgotten : undefined;
    };
    sandbox.endGrants();
    const fetching = statuses();
    const first = await openedSince(before);
    expect((await personSignsIn(sandbox, first)).status).toBe(400);
    const second = await openedSince([...before, first]);
    const clientOf = (address: string) => new URL(address).searchParams.get('client_id');
    expect(clientOf(second)).not.toBe(clientOf(first));
    await personSignsIn(sandbox, second);
    expect(await fetching).toEqual(ok(4));
    expect(counts(sandbox).registration).toBe(1);
    expect(await fleet.opened()).toHaveLength(before.length + 2);
  });

  it('notice at the next refused token that one of them has left (RFC 7009)', async () => {
    const { access, close } = openSessionRoom({ dataDir: fleet.dataDir });
    const [session] = await access.sessions.list();
    if (!session) throw new Error('there is no session');
    expect(await access.sessions.leave(session)).toBe(true);
    expect(await access.sessions.list()).toEqual([]);
    await close();
    expect(counts(sandbox).revocation).toBe(1);
    for (const server of fleet.servers) {
      const { json } = await server.call('access_fetch', { url: page(), sign_in: false });
      expect(json.error?.code).toBe('sign_in_required');
    }
    expect(counts(sandbox)['token:refresh_token']).toBeUndefined();
    expect(await fleet.opened()).toEqual(before);
  });
});
