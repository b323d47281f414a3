/** What a machine does to sessions: full disks, strange clocks, locks of the dead (contract §5). */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createClock } from '../../src/host/clock.ts';
import { openRecordStore } from '../../src/host/files/session-files.ts';
import { createLock } from '../../src/host/lock/lock.ts';
import { lockPath, newHolder } from '../../src/host/lock/lock-file.ts';
import { ownIdentity } from '../../src/host/lock/process-identity.ts';
import {
  type Fault,
  type RecordedRequest,
  type Sandbox,
  startSandbox,
} from '../../src/sandbox/sandbox.ts';
import type { Clock } from '../../src/session/ports.ts';
import { complaints, counts } from '../support/fleet.ts';
import { eventually, temporaryFolder } from '../support/mcp-server.ts';
import {
  openSessionRoom,
  type SessionRoom,
  type SessionRoomOptions,
} from '../support/session-room.ts';

let sandbox: Sandbox;
let folder: string;
let url: URL;
let onRequest: ((request: RecordedRequest) => Promise<Fault | undefined>) | undefined;
const cleanUps: (() => Promise<unknown> | unknown)[] = [];

beforeEach(async () => {
  onRequest = undefined;
  sandbox = await startSandbox({
    fault: (request) => onRequest?.(request),
  });
  folder = await temporaryFolder();
  url = new URL('/echo', sandbox.applications['managed-oauth'].url);
});
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
  await sandbox.close();
  await rm(folder, { recursive: true, force: true });
});

function open(options: Partial<SessionRoomOptions> = {}): SessionRoom {
  const dataDir = join(folder, 'data');
  const room = openSessionRoom({ dataDir, person: sandbox.people[0], ...options });
  cleanUps.push(room.close);
  return room;
}

const refreshes = () => counts(sandbox)['token:refresh_token'] ?? 0;

describe('a refresh', () => {
  it('has its new tokens on disk before the access token is used, however slow the disk is', async () => {
    const dataDir = join(folder, 'data');
    const room = open({
      wrapStore: (store) => ({
        ...store,
        async write(kind, key, record) {
          await createClock().sleep(100);
          await store.write(kind, key, record);
        },
      }),
    });
    const missing: string[] = [];
    onRequest = async ({ headers }) => {
      const token = String(headers.authorization ?? '').replace(/^Bearer /, '');
      if (token === '') return undefined;
      const disk = openRecordStore({ dataDir, log: () => {}, clock: createClock() });
      const kept = (await disk.list('session')).map(({ accessToken }) => accessToken);
      if (!kept.includes(token)) missing.push(token.slice(0, 6));
      return undefined;
    };
    expect(await room.status(url)).toBe(200);
    sandbox.expireAccessTokens();
    expect(await room.status(url)).toBe(200);
    expect(refreshes()).toBe(1);
    expect(missing).toEqual([]);
  });

  it('that is refused takes what somebody without our lock has kept meanwhile, and wipes nothing', async () => {
    const [ours, theirs] = [join(folder, 'data'), join(folder, 'other machine')];
    const disk = (dataDir: string) =>
      openRecordStore({ dataDir, log: () => {}, clock: createClock() });
    const [room, elsewhere] = [open(), open({ dataDir: theirs })];
    expect(await room.status(url)).toBe(200);
    sandbox.expireAccessTokens();
    expect(await elsewhere.status(url)).toBe(200);
    const [kept] = await disk(theirs).list('session');
    onRequest = async ({ what }) => {
      if (what !== 'token:refresh_token' || !kept) return undefined;
      await disk(ours).write('session', kept.resource, kept);
      return {
        status: 400,
        headers: { 'content-type': 'application/json' },
        body: '{"error":"invalid_grant"}',
      };
    };
    expect(await room.status(url)).toBe(200);
    expect(refreshes()).toBe(1);
    expect(await disk(ours).list('session')).toEqual([kept]);
    expect(room.opened).toHaveLength(1);
  });
});

describe('a clock', () => {
  const dayMs = 86_400_000;
  function movable(): Clock & { offsetMs: number } {
    const clock = createClock();
    return {
      offsetMs: 0,
      sleep: clock.sleep,
      now() {
        return clock.now() + this.offsetMs;
      },
    };
  }

  it.each([dayMs, -dayMs])(
    'that jumps by %i ms costs one refresh, and no login',
    async (jumpMs) => {
      const clock = movable();
      const room = open({ clock });
      expect(await room.status(url)).toBe(200);
      clock.offsetMs = jumpMs;
      for (let time = 1; time <= 3; time += 1) expect(await room.status(url)).toBe(200);
      expect(refreshes()).toBe(1);
      clock.offsetMs = 0;
      for (let time = 1; time <= 3; time += 1) expect(await room.status(url)).toBe(200);
      expect(refreshes()).toBe(2);
      expect(room.opened).toHaveLength(1);
      expect(complaints(sandbox)).toEqual([]);
    },
  );

  it.each([dayMs, -dayMs])('that is %i ms off from the start changes nothing', async (offsetMs) => {
    const clock = movable();
    clock.offsetMs = offsetMs;
    const room = open({ clock });
    for (let time = 1; time <= 3; time += 1) expect(await room.status(url)).toBe(200);
    sandbox.expireAccessTokens();
    expect(await room.status(url)).toBe(200);
    expect(refreshes()).toBe(1);
    expect(room.opened).toHaveLength(1);
  });

  it('that is set back a little amid a sign-in does not lose it', async () => {
    const clock = movable();
    const room = open({ clock });
    onRequest = async ({ what }) => {
      if (what === 'login_submission') clock.offsetMs = -60_000;
      return undefined;
    };
    expect(await room.status(url)).toBe(200);
    expect(room.opened).toHaveLength(1);
  });

  it.each([dayMs, -dayMs])(
    'that jumps by %i ms amid a sign-in ends it, and the next one works',
    async (jumpMs) => {
      const clock = movable();
      const absent = open({ clock, person: undefined });
      const waiting = absent.status(url);
      await eventually(() => absent.opened[0]);
      clock.offsetMs = jumpMs;
      await expect(waiting).rejects.toMatchObject({ code: 'sign_in_expired' });
      expect(await open({ clock }).status(url)).toBe(200);
    },
  );
});

describe('a lock that somebody left behind', () => {
  async function dead(): Promise<number> {
    const child = spawn(process.execPath, ['-e', '']);
    await once(child, 'exit');
    return child.pid ?? 0;
  }
  const lockOf = (dataDir: string) => lockPath(join(dataDir, 'locks'), `session ${url.origin}/`);
  const plants: Record<string, (path: string) => Promise<unknown>> = {
    'of a dead process': async (path) =>
      writeFile(path, JSON.stringify(newHolder({ ...ownIdentity(), pid: await dead() }))),
    'of a process whose id another one has now': (path) =>
      writeFile(path, JSON.stringify(newHolder({ ...ownIdentity(), startTime: '12345' }))),
    'that is empty': (path) => writeFile(path, ''),
    'that is a directory': (path) => mkdir(path),
  };

  it('delays a refresh by seconds at most, and is gone afterwards', async () => {
    const rooms = await Promise.all(
      Object.entries(plants).map(async ([name, plant], index) => {
        const dataDir = join(folder, String(index));
        const room = open({ dataDir });
        expect(await room.status(url)).toBe(200);
        await plant(lockOf(dataDir));
        return { name, dataDir, room };
      }),
    );
    sandbox.expireAccessTokens();
    await Promise.all(
      rooms.map(async ({ name, dataDir, room }) => {
        const from = performance.now();
        expect.soft(await room.status(url), name).toBe(200);
        const bound = name.startsWith('of a') ? 1_000 : 5_000;
        expect.soft(performance.now() - from, name).toBeLessThan(bound);
        expect.soft(room.opened, name).toHaveLength(1);
        await eventually(async () =>
          (await readdir(join(dataDir, 'locks'))).length === 0 ? true : undefined,
        );
      }),
    );
    expect(refreshes()).toBe(rooms.length);
  });
});

describe('a data folder that cannot be used', () => {
  it('keeps the session in memory, says so, and refreshes as ever', async () => {
    const dataDir = join(folder, 'data');
    await writeFile(dataDir, 'a file in its place');
    const room = open({ dataDir });
    expect(await room.status(url)).toBe(200);
    expect(room.access.memoryOnly()).toMatch(/in memory only, because .* is not a folder/);
    for (let time = 1; time <= 3; time += 1) {
      sandbox.expireAccessTokens();
      expect(await room.status(url)).toBe(200);
    }
    expect(refreshes()).toBe(3);
    expect(room.opened).toHaveLength(1);
  });

  it.runIf(canMount())(
    'because it became read-only: the same, and one login for the next process',
    async () => {
      const dataDir = await mountSmallDisk();
      const room = open({ dataDir });
      expect(await room.status(url)).toBe(200);
      mount('-o', 'remount,ro', dataDir);
      await refreshTwice(room);
      expect(room.access.memoryOnly()).toMatch(/read-only file system/);
      mount('-o', 'remount,rw', dataDir);
      await nextProcessNeedsOneLogin(room, dataDir);
    },
  );

  it.runIf(canMount())(
    'because the disk became full: the same, and one login for the next process',
    async () => {
      const dataDir = await mountSmallDisk();
      const room = open({ dataDir });
      expect(await room.status(url)).toBe(200);
      const filler = join(dataDir, 'filler');
      await writeFile(filler, Buffer.alloc(4 * 1024 * 1024)).catch(() => {});
      await refreshTwice(room);
      expect(room.access.memoryOnly()).toMatch(/full disk/);
      await rm(filler);
      await nextProcessNeedsOneLogin(room, dataDir);
    },
  );

  async function refreshTwice(room: SessionRoom): Promise<void> {
    for (let time = 1; time <= 2; time += 1) {
      sandbox.expireAccessTokens();
      expect(await room.status(url)).toBe(200);
    }
    expect(refreshes()).toBe(2);
    expect(room.opened).toHaveLength(1);
  }

  /** What the disk has was spent; the first process then takes what the second one has kept. */
  async function nextProcessNeedsOneLogin(first: SessionRoom, dataDir: string): Promise<void> {
    sandbox.expireAccessTokens();
    const second = open({ dataDir });
    for (let time = 1; time <= 2; time += 1) {
      expect(await second.status(url)).toBe(200);
      expect(await first.status(url)).toBe(200);
    }
    expect(second.opened).toHaveLength(1);
    expect(first.opened).toHaveLength(1);
    expect(first.access.memoryOnly()).toBeUndefined();
  }

  async function mountSmallDisk(): Promise<string> {
    const dataDir = join(folder, 'disk');
    await mkdir(dataDir);
    mount('-t', 'tmpfs', '-o', 'size=256k', 'none', dataDir);
    cleanUps.push(() => execFileSync('umount', ['-l', dataDir]));
    await chmod(dataDir, 0o700);
    return dataDir;
  }
});

function mount(...args: string[]): void {
  execFileSync('mount', args, { stdio: 'ignore' });
}

/** Only root may, and in many containers not even root. */
function canMount(): boolean {
  try {
    execFileSync('unshare', ['-m', 'mount', '-t', 'tmpfs', 'none', '/mnt'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

describe('a lock that is closed with its process', () => {
  const make = () =>
    createLock({ folder: join(folder, 'locks'), clock: createClock(), log: () => {} });
  const held = () => readdir(join(folder, 'locks')).catch(() => []);

  it('lets the work under way end, leaves no file, and is not to be had any more', async () => {
    const lock = make();
    let finish = (): void => {};
    const work = new Promise<void>((resolve) => {
      finish = resolve;
    });
    const working = lock.hold('a', () => work);
    const queued = expect(lock.hold('a', async () => {})).rejects.toMatchObject({
      code: 'cancelled',
    });
    await eventually(async () => ((await held()).length === 1 ? true : undefined));
    const closing = lock.close(5_000);
    await expect(lock.hold('b', async () => {})).rejects.toMatchObject({ code: 'cancelled' });
    expect(await held()).toHaveLength(1);
    finish();
    await Promise.all([working, queued, closing]);
    expect(await held()).toEqual([]);
  });

  it('does not wait for ever, and gives up what is not its own any more to nobody’s harm', async () => {
    const lock = make();
    void lock.hold('a', () => new Promise(() => {}));
    await eventually(async () => ((await held()).length === 1 ? true : undefined));
    const waiting = make();
    const next = waiting.hold('a', async () => 'had');
    await lock.close(50);
    expect(await next).toBe('had');
    lock.releaseAll();
    expect(await held()).toEqual([]);
  });
});
