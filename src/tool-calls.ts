/** What the calls of a host's agent need beyond Access itself. Loaded by the first of them. */
import { fileURLToPath } from 'node:url';
import type { Access } from './access/access.ts';
import { createPages } from './answer/kept-answers.ts';
import { createPageThreads } from './answer/page-threads.ts';
import type { Config } from './config/config.ts';
import type { OffLimits } from './files/roots.ts';
import { createTemporaryFiles } from './host/files/temporary-files.ts';
import { createCookieStore } from './http/cookies/cookie-store.ts';
import { askThrough } from './mcp/ask-person.ts';
import type { HostCapabilities } from './mcp/host-capabilities.ts';
import { createConcealers } from './secrets/concealer.ts';
import type { Browser, Clock } from './session/ports.ts';
import type { KeptPage, ToolContext } from './tools/tool.ts';

/** Everything that a tool call needs but its signal and progress. */
export type CallContext = Omit<ToolContext, 'signal' | 'onProgress' | 'resumed'>;

export interface ToolCalls {
  context(host: HostCapabilities): CallContext;
  /** Removes the temporary files. */
  close(): void;
}

export function createToolCalls({
  config,
  dataDir,
  dataDirs,
  clock,
  access,
  browser,
}: {
  readonly config: Config;
  readonly dataDir: string;
  /** Where sessions may lie besides. */
  readonly dataDirs: readonly string[];
  readonly clock: Clock;
  readonly access: Access;
  readonly browser: Browser;
}): ToolCalls {
  const temporary = createTemporaryFiles({ dataDir });
  const kept = {
    pages: createPages<KeptPage>({ now: () => clock.now() }),
    cookies: createCookieStore(),
    concealers: createConcealers(),
    threads: createPageThreads(),
  };
  const offLimits = whereSecretsAre([dataDir, ...dataDirs], config);
  return {
    context: (host) => ({
      access,
      kept,
      temporary,
      askPerson: askThrough(host, browser),
      places: async () => ({
        roots: [process.cwd(), ...(await host.roots()).flatMap(folderOf)],
        offLimits,
      }),
    }),
    close: () => temporary.removeAll(),
  };
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
