/**
 * Several processes that want the same person signed in: as many rendezvous on one folder, with the
 * real disk, lock and callback ports. Nothing is shared between them but the machine.
 */
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Abortable } from '../../src/abortable.ts';
import { AccessError } from '../../src/errors.ts';
import { createClock } from '../../src/host/clock.ts';
import { createIdentityKey } from '../../src/host/files/identity-key.ts';
import { openRecordStore } from '../../src/host/files/session-files.ts';
import { createLock } from '../../src/host/lock/lock.ts';
import { createRedirectListener } from '../../src/host/loopback/redirect-listener.ts';
import type { RecordStore } from '../../src/session/ports.ts';
import type { Session } from '../../src/session/records.ts';
import { createSessions } from '../../src/session/sessions.ts';
import { createCallbackPorts } from '../../src/sign-in/callback-ports.ts';
import { createRendezvous, type Plan, type Rendezvous } from '../../src/sign-in/rendezvous.ts';
import { createRunHere } from '../../src/sign-in/run-here.ts';
import { createWakeUp } from '../../src/sign-in/wake-up.ts';
import { oauthSession } from '../session/machine.ts';
import { eventually, temporaryFolder } from '../support/mcp-server.ts';
import { failureOf } from '../support/resource-loopback.ts';

const resource = 'https://app.example.com/';
const issuer = 'https://acme.example.com';
const clock = createClock();
const log = (): void => {};
interface Process {
  readonly rendezvous: Rendezvous;
  readonly store: RecordStore;
  /** How often it has looked whether the sign-in is done. */
  looks(): number;
  /** What it asked the allowance for, by resource. */
  readonly admitted: string[];
  readonly callbackPorts: ReturnType<typeof createCallbackPorts>;
  save(session: Session): Promise<void>;
  die(): Promise<void>;
}

let dataDir: string;
let processes: Process[];

function startProcess(trouble: Partial<RecordStore> = {}): Process {
  const disk = openRecordStore({ dataDir, log, clock });
  let looks = 0;
  const store: RecordStore = {
    ...disk,
    read(kind, key) {
      if (kind === 'pending') looks += 1;
      return disk.read(kind, key);
    },
    ...trouble,
  };
  const memoryOnly = () => store.memoryOnly();
  const lock = createLock({ folder: join(dataDir, 'locks'), clock, log, memoryOnly });
  const identityKey = createIdentityKey({ dataDir, log });
  const listener = createRedirectListener({ identityKey, log });
  const fetch = async () => Promise.reject(new Error('no request is expected'));
  const sessions = createSessions({ store, lock, clock, fetch, log, isTrusted: () => true });
  const wakeUp = createWakeUp(clock);
  const redeem = async () => undefined;
  const callbackPorts = createCallbackPorts({
    store,
    clock,
    listener,
    wakeUp,
    redeem,
    configured: [0],
  });
  const admitted: string[] = [];
  const started: Process = {
    store,
    looks: () => looks,
    admitted,
    callbackPorts,
    rendezvous: createRendezvous({
      store,
      lock,
      clock,
      sessions,
      admit: async (request) => void admitted.push(request.resource),
      wakeUp,
      callbackPorts,
      runHere: createRunHere({ store, clock, log, sessions }),
    }),
    save: (session) => sessions.save(session),
    async die() {
      lock.releaseAll();
      await listener.close();
    },
  };
  processes.push(started);
  return started;
}

beforeEach(async () => {
  dataDir = join(await temporaryFolder(), 'data');
  processes = [];
});
afterEach(async () => {
  await Promise.all(processes.map((each) => each.die()));
});

const session = (accessToken: string): Session => oauthSession(resource, accessToken, issuer);

/** A device code or a transfer: `finish` is the person's doing. */
function ownPlan(more: Partial<Plan> = {}): Plan & {
  finish(session: Session): void;
  prepared: number;
} {
  let resolve: (session: Session) => void = () => {};
  const promise = new Promise<Session>((settle) => {
    resolve = settle;
  });
  const plan = {
    resource,
    method: 'browser_transfer' as const,
    at: 'acme.example.com',
    joins: ({ code }: Parameters<Plan['joins']>[0]) => code === undefined,
    accepts: () => true,
    prepared: 0,
    async prepare() {
      plan.prepared += 1;
      const run = (signal: Abortable): Promise<Session> =>
        Promise.race([
          promise,
          new Promise<never>((_, reject) => {
            signal.addEventListener('abort', () => reject(signal.reason));
          }),
        ]);
      return { lifetimeMs: 600_000, run };
    },
    finish: (brought: Session) => resolve(brought),
    ...more,
  };
  return plan;
}

/** An authorization code, without the server that would be asked for one. */
function codePlan(process: Process, state: string, more: Partial<Plan> = {}): Plan {
  return {
    resource,
    method: 'authorization_code',
    at: 'acme.example.com',
    joins: ({ code }) => code !== undefined,
    accepts: () => true,
    async prepare() {
      const port = await process.callbackPorts.claim();
      const code = {
        authorizationUrl: `${issuer}/authorize?state=${state}`,
        state,
        codeVerifier: 'verifier',
        redirectUri: `http://localhost:${port.port}/callback`,
        port: port.port,
        issuer,
        resourceIndicator: resource,
        client: { clientId: 'c', tokenEndpointAuthMethod: 'none' as const },
      };
      return { lifetimeMs: 3_600_000, code, port };
    },
    ...more,
  };
}

it('lets one of many begin, and gives all of them its session', async () => {
  const plan = ownPlan();
  const everyone = [startProcess(), startProcess(), startProcess(), startProcess()];
  const signIns = await Promise.all(everyone.map(({ rendezvous }) => rendezvous.begin(plan)));
  expect(plan.prepared).toBe(1);
  expect(signIns.filter(({ mine }) => mine)).toHaveLength(1);
  expect(everyone.flatMap(({ admitted }) => admitted)).toEqual([resource]);
  const brought = session('A');
  plan.finish(brought);
  for (const { outcome } of signIns) expect(await outcome).toEqual(brought);
  expect(await everyone[0]?.store.read('pending', resource)).toBeUndefined();
});

it('begins none for whom somebody has signed in meanwhile', async () => {
  const process = startProcess();
  await process.save(session('A'));
  const plan = ownPlan();
  const { mine, outcome } = await process.rendezvous.begin(plan);
  expect(mine).toBe(false);
  expect((await outcome).accessToken).toBe('A');
  expect(plan.prepared).toBe(0);
  expect(process.admitted).toEqual([]);
});

it('begins one all the same where the plan accepts no session', async () => {
  const process = startProcess();
  await process.save(session('A'));
  const { accepts: _, ...afresh } = ownPlan();
  const { mine, abandon } = await process.rendezvous.begin(afresh);
  expect(mine).toBe(true);
  await abandon(new AccessError('sign_in_declined', 'No.', [{ do: 'stop' }]));
});

it('tells everyone why it failed, and lets the next one begin', async () => {
  const [one, other] = [startProcess(), startProcess()];
  const first = await one.rendezvous.begin(ownPlan());
  const joined = await other.rendezvous.join([resource]);
  await first.abandon(new AccessError('sign_in_declined', 'The person said no.', [{ do: 'stop' }]));
  for (const signIn of [first, joined]) {
    expect(await failureOf(signIn?.outcome ?? Promise.resolve())).toMatchObject({
      code: 'sign_in_declined',
      message: 'The person said no.',
    });
  }
  expect(await other.rendezvous.join([resource])).toBeUndefined();
  const again = ownPlan();
  const next = await other.rendezvous.begin(again);
  expect(next.mine).toBe(true);
  again.finish(session('B'));
  expect((await next.outcome).accessToken).toBe('B');
});

it('joins a code that another process awaits, with its address, and either one may end it', async () => {
  const [one, other] = [startProcess(), startProcess()];
  const first = await one.rendezvous.begin(codePlan(one, 'first'));
  const joined = await other.rendezvous.begin(codePlan(other, 'second'));
  expect(joined).toMatchObject({
    mine: false,
    authorizationUrl: first.authorizationUrl,
    at: 'acme.example.com',
    expiresAt: first.expiresAt,
  });
  await joined.abandon(
    new AccessError('sign_in_declined', 'The person said no.', [{ do: 'stop' }]),
  );
  for (const { outcome } of [first, joined]) {
    expect(await failureOf(outcome)).toMatchObject({ code: 'sign_in_declined' });
  }
});

it('takes the callback port over from a process that ends', async () => {
  const [one, other] = [startProcess(), startProcess()];
  await one.rendezvous.begin(codePlan(one, 'first'));
  const port = (await one.store.read('pending', resource))?.code?.port;
  const joined = await other.rendezvous.join([resource]);
  const answers = () =>
    fetch(`http://127.0.0.1:${port}/callback`).then(
      ({ status }) => status,
      () => undefined,
    );
  expect(await answers()).toBeDefined();
  await one.die();
  expect(await eventually(answers)).toBeDefined();
  await joined?.abandon(new AccessError('sign_in_expired', 'Over.', [{ do: 'retry' }]));
});

it('does not take a refreshed token for the session that a code will bring', async () => {
  const process = startProcess();
  await process.save(session('old'));
  const { accepts: _, ...afresh } = codePlan(process, 'first');
  const signIn = await process.rendezvous.begin(afresh);
  let ended = false;
  signIn.outcome.then(
    () => {
      ended = true;
    },
    () => {},
  );
  await process.save(session('refreshed'));
  const before = process.looks();
  await eventually(() => process.looks() >= before + 2 || undefined);
  expect(ended).toBe(false);
  await process.store.remove('pending', resource);
  expect((await signIn.outcome).accessToken).toBe('refreshed');
});

it('tells who waits that another was started in the place of theirs', async () => {
  const [one, other] = [startProcess(), startProcess()];
  const first = await one.rendezvous.begin(codePlan(one, 'first'));
  const instead = ownPlan({ joins: () => false });
  const second = await other.rendezvous.begin(instead);
  expect((await failureOf(first.outcome)).message).toContain('in place of this one');
  instead.finish(session('A'));
  expect((await second.outcome).method).toBe('authorization_code');
});

it('gives its port back when the record cannot be kept', async () => {
  const full = new AccessError('store_unavailable', 'The disk is full.', [
    { do: 'repair_folder', folder: '/data' },
  ]);
  const process = startProcess({ write: () => Promise.reject(full) });
  const plan = codePlan(process, 'first');
  let port = 0;
  const failing: Plan = {
    ...plan,
    async prepare(last) {
      const prepared = await plan.prepare(last);
      if ('port' in prepared) port = prepared.port.port;
      return prepared;
    },
  };
  expect(await failureOf(process.rendezvous.begin(failing))).toBe(full);
  expect(port).toBeGreaterThan(0);
  await expect(fetch(`http://127.0.0.1:${port}/callback`)).rejects.toThrow();
});
