/** Wires the rooms for one process. Loaded by the first call that needs more than `tools/list`. */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Access, createAccess } from './access/access.ts';
import { createPages } from './answer/kept-answers.ts';
import { createPageThreads } from './answer/page-threads.ts';
import type { Config, Environment } from './config/config.ts';
import type { OffLimits } from './files/roots.ts';
import { createBrowser } from './host/browser/browser.ts';
import { createClock } from './host/clock.ts';
import { defaultDataDir, defaultDataDirs } from './host/files/data-folders.ts';
import { createIdentityKey } from './host/files/identity-key.ts';
import { openRecordStore } from './host/files/session-files.ts';
import { createTemporaryFiles } from './host/files/temporary-files.ts';
import { createLock } from './host/lock/lock.ts';
import { createOneShotAddresses } from './host/loopback/one-shot-address.ts';
import { createRedirectListener } from './host/loopback/redirect-listener.ts';
import { createCookieStore } from './http/cookies.ts';
import { createDispatcher } from './http/dispatcher.ts';
import { createProtocolFetch, type ProtocolFetch } from './http/protocol-fetch.ts';
import { createSend, type Send } from './http/send.ts';
import type { Log } from './log.ts';
import { askThrough } from './mcp/ask-person.ts';
import type { HostCapabilities } from './mcp/host-capabilities.ts';
import { createConcealers } from './secrets/concealer.ts';
import type { Browser, Clock, RecordStore } from './session/ports.ts';
import type { KeptPage, ToolContext } from './tools/tool.ts';

export interface Rooms {
  readonly dataDir: string;
  readonly browser: Browser;
  /** For the command line, which shows what the tools keep to themselves. */
  readonly access: Access;
  readonly store: RecordStore;
  readonly clock: Clock;
  readonly send: Send;
  readonly fetch: ProtocolFetch;
  /** Everything a tool call needs but its signal and progress. */
  context(host: HostCapabilities): Omit<ToolContext, 'signal' | 'onProgress' | 'resumed'>;
  /** Resolves when every browser that was started has come for its sign-in's address, or on abort. */
  browsersLed(until: AbortSignal): Promise<void>;
  /** Gives up ports, locks and temporary files, when a refresh under way has ended or after `graceMs`. */
  close(graceMs?: number): Promise<void>;
}

export interface RoomsOptions {
  /** To one origin at once. */
  readonly connections?: number;
}

export function openRooms(
  config: Config,
  environment: Environment,
  log: Log,
  { connections }: RoomsOptions = {},
): Rooms {
  const dataDir = config.dataDir ?? defaultDataDir();
  const clock = createClock();
  const store = openRecordStore({ dataDir, log, clock });
  const lock = createLock({
    folder: join(dataDir, 'locks'),
    clock,
    log,
    memoryOnly: () => store.memoryOnly(),
  });
  const listener = createRedirectListener({
    identityKey: createIdentityKey({ dataDir, log }),
    log,
    bindAddress: config.callbackBind,
  });
  const addresses = createOneShotAddresses({
    // What only a browser of this machine opens is served on loopback alone.
    callbackServer: (port) => (config.callbackBind ? undefined : listener.serverAt(port)),
    log,
  });
  const browser = createBrowser({ environment, secrets: secretsOf(config), addresses, log });
  const dispatcher = createDispatcher(
    config.proxy,
    connections === undefined ? {} : { connections },
  );
  const send = createSend(dispatcher);
  const fetch = createProtocolFetch(send, (host, what) =>
    log('info', 'an answer was put right to be read', { host, what }),
  );
  const temporary = createTemporaryFiles({ dataDir });
  const access = createAccess({
    settings: config,
    store,
    lock,
    clock,
    listener,
    send,
    fetch,
    log,
  });
  const kept = {
    pages: createPages<KeptPage>({ now: () => clock.now() }),
    cookies: createCookieStore(),
    concealers: createConcealers(),
    threads: createPageThreads(),
  };

  return {
    dataDir,
    browser,
    access,
    store,
    clock,
    send,
    fetch,
    context: (host) => ({
      access,
      kept,
      temporary,
      askPerson: askThrough(host, browser),
      places: async () => ({
        roots: [process.cwd(), ...(await host.roots()).flatMap(folderOf)],
        offLimits: whereSecretsAre([dataDir, ...defaultDataDirs(environment)], config),
      }),
    }),
    browsersLed: (until) => addresses.settled(until),
    async close(graceMs = closingGraceMs) {
      temporary.removeAll();
      // A refresh under way ends first: its new token must be kept, since the old one is spent.
      await Promise.allSettled([lock.close(graceMs), listener.close()]);
      await dispatcher.destroy();
    },
  };
}

/** What the environment has told us in confidence, perhaps under a second name. */
function secretsOf({ serviceTokens, oauthClient, proxy }: Config): string[] {
  const proxyPasswords = [proxy.http, proxy.https].flatMap((uri) => {
    const password = uri ? new URL(uri).password : '';
    return [password, decodeURIComponent(password)];
  });
  const clientSecrets = [...serviceTokens, ...(oauthClient ? [oauthClient] : [])];
  return [...clientSecrets.flatMap(({ clientSecret }) => clientSecret ?? []), ...proxyPasswords];
}

/** What the agent may neither send nor plant, also where the working directory or a root holds it. */
function whereSecretsAre(
  dataDirs: readonly string[],
  { cloudflaredDir, secretFiles }: Config,
): OffLimits[] {
  return [
    // Its lock files, its key and its temporary files are in there too.
    ...dataDirs.map((path) => ({ path, what: 'where this server keeps its sessions' })),
    { path: cloudflaredDir, what: 'where cloudflared keeps its tokens' },
    ...secretFiles.map((path) => ({ path, what: 'where a service token is kept' })),
  ];
}

/** None for a URI that is no path on this machine, such as `file://fileserver/share`. */
function folderOf(uri: string): string[] {
  try {
    return [fileURLToPath(uri)];
  } catch {
    return [];
  }
}

/** Less than the process has for leaving. */
const closingGraceMs = 300;
