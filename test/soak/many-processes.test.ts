/** Sixteen built servers of one person, for many rounds (contract §5). */
import { afterEach, expect, it } from 'vitest';
import { type Sandbox, startSandbox } from '../../src/sandbox/sandbox.ts';
import { complaints, counts, type Fleet, personSignsIn, startFleet } from '../support/fleet.ts';

let sandbox: Sandbox;
let fleet: Fleet;
afterEach(async () => {
  await fleet.close();
  await sandbox.close();
});

const size = 16;

async function start(accessTokenSeconds: number): Promise<void> {
  sandbox = await startSandbox({ accessTokenSeconds });
  fleet = await startFleet(size);
  const fetching = fetchAll();
  const [address = ''] = await fleet.openedAddresses(1);
  await personSignsIn(sandbox, address);
  expect(await fetching).toEqual(Array(size).fill(200));
  sandbox.clearRequests();
}

async function fetchAll(): Promise<unknown[]> {
  const url = new URL('/echo', sandbox.applications['managed-oauth'].url).href;
  const answers = await Promise.all(
    fleet.servers.map((server) => server.call('access_fetch', { url })),
  );
  return answers.map(({ json }) => json.status ?? json.error);
}

it('16 processes × 50 rounds at the moment of expiry: 50 token requests, 800 answers, no login', async () => {
  await start(900);
  let answered = 0;
  for (let round = 1; round <= 50; round += 1) {
    sandbox.expireAccessTokens();
    const answers = await fetchAll();
    expect([round, ...answers]).toEqual([round, ...Array(size).fill(200)]);
    answered += answers.length;
  }
  expect(answered).toBe(800);
  expect(counts(sandbox)['token:refresh_token']).toBe(50);
  expect(counts(sandbox)['token:authorization_code']).toBeUndefined();
  expect(counts(sandbox).registration).toBeUndefined();
  expect(complaints(sandbox)).toEqual([]);
  expect(await fleet.opened()).toHaveLength(1);
});

it('16 processes that never stop, with tokens that live for a second: one refresh a life, no login', async () => {
  const lifeMs = 1_000;
  await start(lifeMs / 1000);
  const url = new URL('/echo', sandbox.applications['managed-oauth'].url).href;
  const startedAt = Date.now();
  const until = startedAt + 12_000;
  await Promise.all(
    fleet.servers.map(async (server) => {
      while (Date.now() < until) {
        const { json } = await server.call('access_fetch', { url });
        expect(json.status ?? json.error).toBe(200);
      }
    }),
  );
  // A token is renewed a tenth of its life before its end at the earliest.
  const mostRefreshes = (Date.now() - startedAt) / (lifeMs * 0.9) + 1;
  expect(counts(sandbox)['token:refresh_token']).toBeLessThanOrEqual(mostRefreshes);
  expect(counts(sandbox)['token:refresh_token']).toBeGreaterThan(10);
  expect(counts(sandbox)['token:authorization_code']).toBeUndefined();
  expect(complaints(sandbox)).toEqual([]);
  expect(await fleet.opened()).toHaveLength(1);
});

it('10 times 16 processes sign in at once, after the grant has ended: one browser and one code each time', async () => {
  await start(900);
  for (let round = 1; round <= 10; round += 1) {
    sandbox.endGrants();
    const before = await fleet.opened();
    const fetching = fetchAll();
    const addresses = await fleet.openedAddresses(before.length + 1);
    await personSignsIn(sandbox, addresses.find((each) => !before.includes(each)) ?? '');
    expect([round, ...(await fetching)]).toEqual([round, ...Array(size).fill(200)]);
    expect(await fleet.opened()).toHaveLength(before.length + 1);
    expect(counts(sandbox)['token:authorization_code']).toBe(round);
  }
  expect(counts(sandbox).registration).toBeUndefined();
});
