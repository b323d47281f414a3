/** Connects the rooms for one process. Loaded by the first call that needs more than `tools/list`. */
import { join } from 'node:path';
import { type Access, createAccess } from './access/access.ts';
import type { Config, Environment } from './config/config.ts';
import { createClock } from './host/clock.ts';
import { defaultDataDir, defaultDataDirs } from './host/files/data-folders.ts';
import { openRecordStore } from './host/files/session-files.ts';
import { type ConnectionsOptions, openConnections } from './http/connections/connections.ts';
import type { ProtocolFetch } from './http/protocol-fetch.ts';
import { openRequests } from './http/requests.ts';
import type { Send } from './http/send.ts';
import type { Log } from './log.ts';
import { onDemand } from './on-demand.ts';
import { once } from './once.ts';
import type { Browser, Clock, RecordStore } from './session/ports.ts';
import type { ToolCalls } from './tool-calls.ts';

export interface Rooms {
  readonly dataDir: string;
  readonly browser: Browser;
  /** For the command line, which also uses what is not a tool, such as the list of sessions. */
  readonly access: Access;
  readonly store: RecordStore;
  readonly clock: Clock;
  readonly send: Send;
  readonly fetch: ProtocolFetch;
  /** What an agent's calls need besides. */
  toolCalls(): Promise<ToolCalls>;
  /**
   * Resolves when every browser that was started has fetched its sign-in's address, or has had time to, or
   * on abort.
   */
  browsersLed(until: AbortSignal): Promise<void>;
  /** Releases ports, locks and temporary files once a refresh under way has ended, or after `graceMs`. */
  close(graceMs?: number): Promise<void>;
}

export function openRooms(
  config: Config,
  environment: Environment,
  log: Log,
  options: ConnectionsOptions = {},
): Rooms {
  const dataDir = config.dataDir ?? defaultDataDir();
  const clock = createClock();
  const store = openRecordStore({ dataDir, log, clock });
  // What a kept session does not need is loaded by its first use.
  const locks = once(async () => {
    const { createLock } = await import('./host/lock/lock.ts');
    const memoryOnly = () => store.memoryOnly();
    return createLock({ folder: join(dataDir, 'locks'), clock, log, memoryOnly });
  });
  const persons = once(async () => {
    const { createPersonsBrowser } = await import('./host/persons-browser.ts');
    return createPersonsBrowser({
      dataDir,
      environment,
      secrets: secretsOf(config),
      callbackBind: config.callbackBind,
      log,
    });
  });
  const browser = onDemand(async () => (await persons()).browser, 'open');
  const connections = openConnections(config.proxy, options);
  const { send, fetch } = openRequests(connections, (host, what) =>
    log('info', 'an answer that deviates from its RFC was accepted', { host, what }),
  );
  const access = createAccess({
    settings: config,
    store,
    lock: onDemand(locks, 'hold'),
    clock,
    listener: onDemand(async () => (await persons()).listener, 'claim'),
    send,
    fetch,
    log,
  });
  const toolCalls = once(async () => {
    const { createToolCalls } = await import('./tool-calls.ts');
    return createToolCalls({
      config,
      dataDir,
      dataDirs: defaultDataDirs(environment),
      clock,
      access,
      browser,
    });
  });

  return {
    dataDir,
    browser,
    access,
    store,
    clock,
    send,
    fetch,
    toolCalls,
    async browsersLed(until) {
      if (persons.isMade()) await (await persons()).addresses.settled(until);
    },
    async close(graceMs = closingGraceMs) {
      if (toolCalls.isMade()) (await toolCalls()).close();
      // A refresh under way must end first and its new token be stored, since the old one is no longer
      // valid.
      await Promise.allSettled([
        locks.isMade() && locks().then((lock) => lock.close(graceMs)),
        // A sign-in's page may still be on its way, where another sign-in returns to the same port.
        persons.isMade() && persons().then(({ listener }) => listener.close(graceMs)),
      ]);
      await connections.destroy();
    },
  };
}

/** The secrets in the configuration, some of them in a second spelling. */
function secretsOf({ serviceTokens, oauthClient, proxy }: Config): string[] {
  const proxyPasswords = [proxy.http, proxy.https].flatMap((uri) => {
    const password = uri ? new URL(uri).password : '';
    return [password, decodeURIComponent(password)];
  });
  const clientSecrets = [...serviceTokens, ...(oauthClient ? [oauthClient] : [])];
  return [...clientSecrets.flatMap(({ clientSecret }) => clientSecret ?? []), ...proxyPasswords];
}

/** Less than the time in which the process must exit. */
const closingGraceMs = 300;
