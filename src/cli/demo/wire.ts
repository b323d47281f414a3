/**
 * The requests that have reached the sandbox since a certain moment, with the program's separated from the
 * browser's.
 */

import type { Sandbox } from '../../sandbox/sandbox.ts';
import type { RecordedRequest } from '../../sandbox/server/request-log.ts';

export interface Traffic {
  /** The server's own requests, in order. */
  readonly program: readonly RecordedRequest[];
  readonly browser: readonly RecordedRequest[];
  /** One line for the server, and one for the browser if it sent anything. */
  lines(): string[];
}

const ourUserAgent = 'cloudflare-access-mcp';

/** Discards earlier requests; the returned function gives those since. */
export function watch(sandbox: Sandbox): () => Traffic {
  sandbox.clearRequests();
  return () => {
    const all = [...sandbox.requests];
    const isOurs = ({ headers }: RecordedRequest) => headers['user-agent'] === ourUserAgent;
    const program = all.filter(isOurs);
    const browser = all.filter((request) => !isOurs(request));
    return {
      program,
      browser,
      lines: () => [
        `server: ${program.length === 0 ? 'no request' : describe(program)}`,
        ...(browser.length === 0 ? [] : [`browser: ${describe(browser)}`]),
      ],
    };
  };
}

export function count(requests: readonly RecordedRequest[], what: string): number {
  return requests.filter((request) => request.what === what).length;
}

/** For example `401 challenge, 200 resource metadata, 5 × 200 origin`. */
function describe(requests: readonly RecordedRequest[]): string {
  const parts: { text: string; times: number }[] = [];
  for (const { what, answered } of requests) {
    const text = `${answered ?? 'held'} ${what.replace(/_/g, ' ').replace(':', ': ')}`;
    const last = parts.at(-1);
    if (last?.text === text) last.times += 1;
    else parts.push({ text, times: 1 });
  }
  return parts.map(({ text, times }) => (times === 1 ? text : `${times} × ${text}`)).join(', ');
}
