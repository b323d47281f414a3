/**
 * The session room on real parts (disk, lock, port, network), in this process: for what cannot be done
 * to a built server, such as another clock, a slow disk, or a browser that is the scripted person.
 */
import { join } from 'node:path';
import { type Access, createAccess } from '../../src/access/access.ts';
import { createClock } from '../../src/host/clock.ts';
import { createIdentityKey } from '../../src/host/files/identity-key.ts';
import { openRecordStore } from '../../src/host/files/session-files.ts';
import type { Checkpoint } from '../../src/host/files/write-private-file.ts';
import { createLock } from '../../src/host/lock/lock.ts';
import { createRedirectListener } from '../../src/host/loopback/redirect-listener.ts';
import { createDispatcher } from '../../src/http/dispatcher.ts';
import { createProtocolFetch, type ProtocolFetch } from '../../src/http/protocol-fetch.ts';
import { createSend } from '../../src/http/send.ts';
import type { Log } from '../../src/log.ts';
import { signInAs } from '../../src/sandbox/team/person.ts';
import type { Clock, RecordStore } from '../../src/session/ports.ts';
import type { AskPerson } from '../../src/sign-in/waiting.ts';

export interface SessionRoomOptions {
  readonly dataDir: string;
  /** Whoever presses the button on the login page; nobody does when absent. */
  readonly person?: string | undefined;
  readonly ports?: readonly number[];
  readonly clock?: Clock;
  readonly log?: Log;
  readonly checkpoint?: Checkpoint;
  /** Puts something between the session room and its store or its protocol requests. */
  readonly wrapStore?: (store: RecordStore) => RecordStore;
  readonly wrapFetch?: (fetch: ProtocolFetch) => ProtocolFetch;
}

export interface SessionRoom {
  readonly access: Access;
  /** The addresses that the person was shown. */
  readonly opened: readonly string[];
  /** Fetches with whatever it takes; gives the status. */
  status(url: URL): Promise<number>;
  close(): Promise<void>;
}

export function openSessionRoom(options: SessionRoomOptions): SessionRoom {
  const { dataDir, person, ports = [0], clock = createClock(), log = () => {} } = options;
  const { wrapStore = (each) => each, wrapFetch = (each) => each, checkpoint } = options;
  const disk = openRecordStore({ dataDir, log, clock, ...(checkpoint ? { checkpoint } : {}) });
  const store = wrapStore(disk);
  const lock = createLock({
    folder: join(dataDir, 'locks'),
    clock,
    log,
    memoryOnly: () => store.memoryOnly(),
  });
  const listener = createRedirectListener({
    identityKey: createIdentityKey({ dataDir, log }),
    log,
  });
  const dispatcher = createDispatcher({ http: '', https: '', no: '' });
  const send = createSend(dispatcher);
  const access = createAccess({
    settings: {
      serviceTokens: [],
      hosts: [],
      trust: { authorizationServers: [] },
      callbackPorts: ports,
      headless: false,
      transferUrl: new URL('http://localhost:9'),
      cloudflaredDir: join(dataDir, 'no-cloudflared'),
      limits: { readOnly: false },
    },
    store,
    lock,
    clock,
    listener,
    send,
    fetch: wrapFetch(createProtocolFetch(send)),
    log,
  });
  const opened: string[] = [];
  const askPerson: AskPerson = async ({ url }) => {
    opened.push(url?.href ?? '');
    if (url !== undefined && person !== undefined) void signInAs(url, person);
    return 'shown';
  };
  return {
    access,
    opened,
    async status(url) {
      const answer = await access.sendHop(
        { method: 'GET', url, headers: [] },
        { signIn: true, waitMs: 20_000, askPerson },
      );
      for await (const _ of answer.body) {
        // read to its end, so that the connection can be used again
      }
      return answer.status;
    },
    async close() {
      lock.releaseAll();
      await Promise.all([listener.close(), dispatcher.destroy()]);
    },
  };
}
