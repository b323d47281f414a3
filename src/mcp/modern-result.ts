/**
 * What the 2026-07-28 revision adds to results: their type, how long they may be cached and by whom, and
 * the server's name.
 */
import { modernRevision, serverInfoKey } from './envelope.ts';

/** What `initialize` answers in the older revisions. */
export interface Introduction {
  readonly capabilities?: object;
  readonly serverInfo?: { readonly name: string; readonly version: string };
  readonly instructions?: string;
}

/**
 * The lists do not change while the process runs. They are private and may be cached for a minute only,
 * because they depend on this process's environment (CF_ACCESS_READ_ONLY).
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

/** `result` in the form in which this revision returns it for `method`. */
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

/** Title and icon are sent only once. */
function nameOf(serverInfo: Introduction['serverInfo']): object | undefined {
  return serverInfo && { name: serverInfo.name, version: serverInfo.version };
}

function cacheFields(method: string): object {
  if (lists.includes(method)) return { ttlMs: listTtlMs, cacheScope: 'private' };
  // Sessions may change at any time.
  return method === 'resources/read' ? { ttlMs: 0, cacheScope: 'private' } : {};
}
