/** What the 2026-07-28 revision adds to results: what they are, how long they hold, and whose they are. */
import { modernRevision, serverInfoKey } from './envelope.ts';

/** What `initialize` answers in the older revisions. */
export interface Introduction {
  readonly capabilities?: object;
  readonly serverInfo?: { readonly name: string; readonly version: string };
  readonly instructions?: string;
}

/**
 * Nothing of these changes while the process lives. They are private, and hold for a minute only,
 * because they follow this process's environment (CF_ACCESS_READ_ONLY).
 */
const listTtlMs = 60_000;
const lists: readonly string[] = [
  'server/discover',
  'tools/list',
  'prompts/list',
  'resources/list',
  'resources/templates/list',
];

export function discoverResult({ capabilities, instructions }: Introduction): object {
  return { supportedVersions: [modernRevision], capabilities, instructions };
}

/** `result`, as `method` answers it in this revision. */
export function modernResult(
  method: string,
  result: Readonly<Record<string, unknown>>,
  { serverInfo }: Introduction,
): object {
  return {
    resultType: 'complete',
    ...result,
    ...cacheFields(method),
    _meta: {
      ...(result._meta as object | undefined),
      [serverInfoKey]: method === 'server/discover' ? serverInfo : nameOf(serverInfo),
    },
  };
}

/** Its title and icon are told once. */
function nameOf(serverInfo: Introduction['serverInfo']): object | undefined {
  return serverInfo && { name: serverInfo.name, version: serverInfo.version };
}

function cacheFields(method: string): object {
  if (lists.includes(method)) return { ttlMs: listTtlMs, cacheScope: 'private' };
  // Sessions come and go.
  return method === 'resources/read' ? { ttlMs: 0, cacheScope: 'private' } : {};
}
