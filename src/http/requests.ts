/** The ways to send a request over one process's connections, loaded by the first of them. */
import { onDemand } from '../on-demand.ts';
import { once } from '../once.ts';
import type { ProtocolFetch, TookFrom } from './protocol-fetch.ts';
import type { Requests, Send } from './send.ts';

export interface OpenRequests {
  readonly send: Send;
  readonly fetch: ProtocolFetch;
}

/** `took`: called with what was corrected in an answer that deviates from its RFC. */
export function openRequests(connections: Requests, took: TookFrom): OpenRequests {
  const ways = once(async () => {
    const [{ createSend }, { createProtocolFetch }] = await Promise.all([
      import('./send.ts'),
      import('./protocol-fetch.ts'),
    ]);
    const send = createSend(connections);
    return { send, fetch: createProtocolFetch(send, took) };
  });
  const { send, fetch } = onDemand(ways, 'send', 'fetch');
  return { send, fetch: Object.assign(fetch, { took }) };
}
