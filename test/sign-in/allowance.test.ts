/** How many sign-ins may begin within ten minutes, for a host and at a server. */
import { beforeEach, expect, it } from 'vitest';
import { type AdmitSignIn, createSignInAllowance } from '../../src/sign-in/allowance.ts';
import { machineForEachTest } from '../session/machine.ts';

const machine = machineForEachTest();
let now: number;
let admit: AdmitSignIn;
/** As another process on the same machine: nothing is shared but the disk. */
const another = () =>
  createSignInAllowance({
    store: machine.store,
    lock: machine.lock,
    clock: { ...machine.clock, now: () => now },
  });
beforeEach(() => {
  now = 1_800_000_000_000;
  admit = another();
});

/** Begins sign-ins until one is refused; returns how many there were and what was said. */
async function most(
  request: (count: number) => Parameters<AdmitSignIn>[0],
  admitBy: () => AdmitSignIn = () => admit,
): Promise<{ count: number; error: unknown }> {
  for (let count = 0; count < 100; count += 1) {
    try {
      await admitBy()(request(count));
    } catch (error) {
      return { count, error };
    }
  }
  throw new Error('no limit');
}

it.each([
  [
    'for a host, whatever its paths, ports and servers',
    12,
    (n: number) => ({
      resource: `https://app.example.com:${n + 1}/p${n}`,
      at: `as${n}.example.com`,
    }),
    'for app.example.com',
  ],
  [
    'at a server, whatever the hosts',
    24,
    (n: number) => ({ resource: `https://h${n}.example.com/`, at: 'as.example.com' }),
    'at as.example.com',
  ],
  [
    'for one program on loopback',
    12,
    (n: number) => ({ resource: 'http://localhost:8000/', at: `as${n}.example.com` }),
    'for localhost:8000',
  ],
])('a limit %s', async (_, limit, request, where) => {
  const { count, error } = await most(request);
  expect(count).toBe(limit);
  expect(error).toMatchObject({
    code: 'sign_in_pending',
    message: expect.stringContaining(`${limit} sign-ins ${where} were `),
  });
});

it('counts each port of loopback separately, since each may be another program', async () => {
  const { count } = await most((n) => ({
    resource: `http://localhost:${8000 + n}/`,
    at: 'as.example.com',
  }));
  expect(count).toBe(24);
});

it('counts across processes', async () => {
  const request = () => ({ resource: 'https://app.example.com/', at: 'as.example.com' });
  expect((await most(request, another)).count).toBe(12);
});

it('refuses one host and still admits others', async () => {
  const at = 'as.example.com';
  await most(() => ({ resource: 'https://app.example.com/', at }));
  await expect(admit({ resource: 'https://other.example.com/', at })).resolves.toBeUndefined();
});

it.each([
  ['after ten minutes', 10 * 60_000, true],
  ['not a moment earlier', 10 * 60_000 - 1, false],
  ['if the clock was set back before them', -1, true],
])('admits the next one %s', async (_, laterMs, admitted) => {
  const request = { resource: 'https://app.example.com/', at: 'as.example.com' };
  await most(() => request);
  now += laterMs;
  const outcome = admit(request).then(
    () => true,
    () => false,
  );
  expect(await outcome).toBe(admitted);
});

it('does not count what it refused', async () => {
  const request = { resource: 'https://app.example.com/', at: 'as.example.com' };
  await most(() => request);
  now += 9 * 60_000;
  await expect(admit(request)).rejects.toMatchObject({ code: 'sign_in_pending' });
  now += 60_000;
  expect((await most(() => request)).count).toBe(12);
});
