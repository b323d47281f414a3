/** What the session room's parts need from the machine, the real ones, in a folder of each test's own. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach } from 'vitest';
import { createClock } from '../../src/host/clock.ts';
import { openRecordStore } from '../../src/host/files/session-files.ts';
import { createLock } from '../../src/host/lock/lock.ts';
import type { ProtocolFetch } from '../../src/http/protocol-fetch.ts';
import type { Clock, Lock, RecordStore } from '../../src/session/ports.ts';
import type { Session } from '../../src/session/records.ts';
import { createSessions, type Sessions } from '../../src/session/sessions.ts';
import { temporaryFolder } from '../support/mcp-server.ts';

export interface Machine {
  readonly clock: Clock;
  readonly store: RecordStore;
  readonly lock: Lock;
  /** As another process on it would have them: nothing is shared but the disk. */
  sessions(fetch: ProtocolFetch): Sessions;
}

export function machineForEachTest(): Machine {
  const clock = createClock();
  const log = (): void => {};
  const endings: (() => void)[] = [];
  let dataDir = '';
  let store: RecordStore;
  let lock: Lock;
  const open = () => {
    const opened = openRecordStore({ dataDir, log, clock });
    const memoryOnly = () => opened.memoryOnly();
    const held = createLock({ folder: join(dataDir, 'locks'), clock, log, memoryOnly });
    endings.push(() => held.releaseAll());
    return { store: opened, lock: held };
  };
  beforeEach(async () => {
    dataDir = join(await temporaryFolder(), 'data');
    ({ store, lock } = open());
  });
  afterEach(async () => {
    for (const end of endings.splice(0)) end();
    await rm(join(dataDir, '..'), { recursive: true, force: true });
  });
  return {
    clock,
    get store() {
      return store;
    },
    get lock() {
      return lock;
    },
    sessions: (fetch) => createSessions({ ...open(), clock, fetch, log, isTrusted: () => true }),
  };
}

/** One that lives for an hour from now, and whose grant is refreshed at `issuer`. */
export function oauthSession(resource: string, accessToken: string, issuer: string): Session {
  const obtainedAt = Date.now();
  return {
    format: 1,
    resource,
    method: 'authorization_code',
    accessToken,
    obtainedAt,
    expiresAt: obtainedAt + 3_600_000,
    grant: {
      issuer,
      tokenEndpoint: `${issuer}/token`,
      resourceIndicator: resource,
      client: { clientId: 'client-1', tokenEndpointAuthMethod: 'none' },
      refreshToken: `refresh-of-${accessToken}`,
    },
  };
}
