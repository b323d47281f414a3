/** One session among several built servers: refreshed once, signed in once, left once (contract §5). */
import { afterEach, describe, expect, it } from 'vitest';
import type { Fault, FaultHook } from '../../src/sandbox/fault.ts';
import { type Sandbox, type SandboxOptions, startSandbox } from '../../src/sandbox/sandbox.ts';
import { complaints, counts, type Fleet, personSignsIn, startFleet } from '../support/fleet.ts';
import { openSessionRoom } from '../support/session-room.ts';

let sandbox: Sandbox;
let fleet: Fleet;
afterEach(async () => {
  await fleet.close();
  await sandbox.close();
});

async function start(size: number, options: SandboxOptions = {}): Promise<void> {
  [sandbox, fleet] = await Promise.all([startSandbox(options), startFleet(size)]);
}

const page = (path = '/echo') => new URL(path, sandbox.applications['managed-oauth'].url).href;
const fetchAll = () =>
  Promise.all(fleet.servers.map((server) => server.call('access_fetch', { url: page() })));
const statuses = async () => (await fetchAll()).map(({ json }) => json.status);
const ok = (count: number): number[] => Array(count).fill(200);

/** All of them fetch, none with a session, and the person signs in once. */
async function signInOnce(): Promise<void> {
  const fetching = statuses();
  const [address = ''] = await fleet.openedAddresses(1);
  await personSignsIn(sandbox, address);
  expect(await fetching).toEqual(ok(fleet.servers.length));
}

describe('several processes', () => {
  it('that need a first sign-in at once open one browser, register once and redeem one code', async () => {
    await start(8);
    await signInOnce();
    expect(await fleet.opened()).toHaveLength(1);
    expect(counts(sandbox)).toMatchObject({
      registration: 1,
      'token:authorization_code': 1,
      origin: 8,
    });
    expect(counts(sandbox)['token:refresh_token']).toBeUndefined();
    expect(complaints(sandbox)).toEqual([]);
  });

  it('that all meet the end of the access token spend one refresh token a round', async () => {
    await start(4);
    await signInOnce();
    for (let round = 1; round <= 5; round += 1) {
      sandbox.expireAccessTokens();
      expect([round, ...(await statuses())]).toEqual([round, ...ok(4)]);
      expect(counts(sandbox)['token:refresh_token']).toBe(round);
    }
    expect(complaints(sandbox)).toEqual([]);
    expect(await fleet.opened()).toHaveLength(1);
  });

  it('sign in once more, all together, when the grant was ended', async () => {
    await start(4);
    await signInOnce();
    sandbox.endGrants();
    const fetching = statuses();
    const addresses = await fleet.openedAddresses(2);
    await personSignsIn(sandbox, addresses.find((each) => isOpen(each)) ?? '');
    expect(await fetching).toEqual(ok(4));
    expect(await fleet.opened()).toHaveLength(2);
    // Each may have asked the grant that is over once; none registered again.
    expect(counts(sandbox)).toMatchObject({ registration: 1, 'token:authorization_code': 2 });
  });

  it('keep the session through trouble of the server, and open nothing', async () => {
    let trouble: Fault | undefined;
    await start(4, {
      fault: ({ what }) => (what === 'token:refresh_token' ? trouble : undefined),
    });
    await signInOnce();
    for (const each of [{ status: 503 }, { status: 429 }, { reset: true }] satisfies Fault[]) {
      trouble = each;
      sandbox.expireAccessTokens();
      for (const { json } of await fetchAll()) {
        expect(json.error?.code).toMatch(/^(temporarily_unavailable|network_error)$/);
      }
    }
    trouble = undefined;
    expect(await statuses()).toEqual(ok(4));
    expect(await fleet.opened()).toHaveLength(1);
    expect(complaints(sandbox)).toEqual([]);
  });

  it('sign in at most once more when the answer with the new tokens was lost', async () => {
    let losing = false;
    await start(4, {
      fault: ({ what }) => {
        if (!losing || what !== 'token:refresh_token') return undefined;
        losing = false;
        return { reset: true, afterWork: true };
      },
    });
    await signInOnce();
    losing = true;
    sandbox.expireAccessTokens();
    const fetching = fetchAll();
    const addresses = await fleet.openedAddresses(2);
    await personSignsIn(sandbox, addresses.find((each) => isOpen(each)) ?? '');
    const answers = await fetching;
    // The one whose answer was lost says so; the grant was over for the others.
    expect(answers.filter(({ json }) => json.error?.code === 'network_error')).toHaveLength(1);
    expect(answers.filter(({ json }) => json.status === 200)).toHaveLength(3);
    expect(await statuses()).toEqual(ok(4));
    expect(await fleet.opened()).toHaveLength(2);
    expect(complaints(sandbox)).toEqual(['refresh_token_reuse']);
  });
});

describe('a client that the server has forgotten', () => {
  const forgotten: Fault = {
    status: 401,
    headers: { 'content-type': 'application/json' },
    body: '{"error":"invalid_client"}',
  };
  /** Forgets every client that is registered by now. */
  function forgetting(): { hook: FaultHook; forget: () => void } {
    const known = () =>
      sandbox.requests
        .filter(({ what }) => what === 'authorization')
        .map(({ url }) => new URL(url, page()).searchParams.get('client_id'));
    let gone: (string | null)[] = [];
    return {
      hook: ({ what, body }) =>
        what.startsWith('token:') && gone.includes(new URLSearchParams(body).get('client_id'))
          ? forgotten
          : undefined,
      forget: () => {
        gone = known();
      },
    };
  }

  it('is registered anew once, for all processes, when a refresh finds out', async () => {
    const { hook, forget } = forgetting();
    await start(4, { fault: hook });
    await signInOnce();
    forget();
    sandbox.expireAccessTokens();
    const fetching = statuses();
    const addresses = await fleet.openedAddresses(2);
    await personSignsIn(sandbox, addresses.find((each) => isOpen(each)) ?? '');
    expect(await fetching).toEqual(ok(4));
    expect(counts(sandbox).registration).toBe(2);
    expect(await fleet.opened()).toHaveLength(2);
  });

  it('is registered anew once, for all processes, when the redemption of a code finds out', async () => {
    let gone = true;
    await start(4, {
      fault: ({ what }) => {
        if (!gone || what !== 'token:authorization_code') return undefined;
        gone = false;
        return forgotten;
      },
    });
    const fetching = statuses();
    const [first = ''] = await fleet.openedAddresses(1);
    expect((await personSignsIn(sandbox, first)).status).toBe(400);
    const addresses = await fleet.openedAddresses(2);
    const second = addresses.find((each) => each !== first) ?? '';
    const clientOf = (address: string) => new URL(address).searchParams.get('client_id');
    expect(clientOf(second)).not.toBe(clientOf(first));
    await personSignsIn(sandbox, second);
    expect(await fetching).toEqual(ok(4));
    expect(counts(sandbox).registration).toBe(2);
    expect(await fleet.opened()).toHaveLength(2);
  });
});

describe('leaving', () => {
  it('ends the grant at the server (RFC 7009) and on disk; siblings notice at the next refused token', async () => {
    await start(2);
    await signInOnce();
    const { access, close } = openSessionRoom({ dataDir: fleet.dataDir });
    const [session] = await access.sessions.list();
    if (!session) throw new Error('there is no session');
    expect(await access.sessions.leave(session)).toBe(true);
    expect(await access.sessions.list()).toEqual([]);
    await close();
    expect(counts(sandbox).revocation).toBe(1);
    const before = counts(sandbox)['token:refresh_token'];
    for (const server of fleet.servers) {
      const { json } = await server.call('access_fetch', { url: page(), sign_in: false });
      expect(json.error?.code).toBe('sign_in_required');
    }
    expect(counts(sandbox)['token:refresh_token']).toBe(before);
    expect(await fleet.opened()).toHaveLength(1);
  });
});

/** Whether the person has not finished that sign-in yet: its state has not come back. */
function isOpen(address: string): boolean {
  const state = new URL(address).searchParams.get('state') ?? '';
  return !sandbox.requests.some(
    ({ what, url }) =>
      what === 'login_submission' && new URL(url, page()).searchParams.get('state') === state,
  );
}
