/** Connections: pooled and kept alive, through the environment's proxies, with limits on everything. */
import { Agent, type Dispatcher, Pool, ProxyAgent } from 'undici';
import { receiveBuffers } from '../receive-buffers.ts';
import { pooledRequest } from './connections/pooled-request.ts';
import { lookup } from './lookup.ts';
import { createProxyRules, type ProxySettings } from './proxy-rules.ts';
import type { Requests } from './send.ts';
import { bounds } from './waiting/bounds.ts';

const limits = {
  maxHeaderSize: 64 * 1024,
  // These limit silence only. A head that arrives byte by byte is ended by its request's deadline. Sending
  // a body postpones headersTimeout.
  headersTimeout: bounds.head,
  bodyTimeout: bounds.silence,
  // One pool per origin; each connection carries one request at a time (no HTTP/1.1 pipelining).
  pipelining: 1,
  // Agents pause between calls: with undici's default of 4 s, each call would open a new connection.
  keepAliveTimeout: 30_000,
  keepAliveMaxTimeout: 120_000,
};
const connecting = {
  onread: receiveBuffers,
  lookup,
  autoSelectFamilyAttemptTimeout: bounds.address,
  // Explicit, because Node's default depends on NODE_TLS_REJECT_UNAUTHORIZED.
  rejectUnauthorized: true,
};

/** Enough for everything that agents do at the same time. */
const defaultConnections = 64;

export interface Pools extends Requests {
  /** Once everything under way has ended. */
  close(): Promise<void>;
  /** At once. */
  destroy(): Promise<void>;
}

/**
 * Throws `config_invalid` for a proxy that is not a URL. `connections`: the maximum open at the same time
 * to one origin. `connectTimeoutMs`: for a connection with its TLS handshake, and for a proxy's tunnel.
 */
export function createDispatcher(
  settings: ProxySettings,
  {
    connections = defaultConnections,
    connectTimeoutMs = bounds.connection,
  }: { readonly connections?: number; readonly connectTimeoutMs?: number } = {},
): Pools {
  const rules = createProxyRules(settings);
  const connect = { ...connecting, timeout: connectTimeoutMs };
  const direct = new Agent({ ...limits, connections, connect });
  const proxies = new Map<string, Dispatcher>(
    rules.proxies.map((uri) => [
      uri,
      // Only https goes through a tunnel: by default, proxies refuse CONNECT to ports other than 443.
      new ProxyAgent({
        ...limits,
        connections,
        uri,
        proxyTunnel: false,
        // This pool sends the CONNECT requests, and does not notice when the request behind one is
        // aborted.
        clientFactory: (origin, options) =>
          new Pool(origin, { ...options, headersTimeout: connectTimeoutMs }),
        proxyTls: connect,
        requestTls: connect,
      }),
    ]),
  );
  const all = [direct, ...proxies.values()];
  const poolFor = (origin: string | URL | undefined): Dispatcher => {
    if (proxies.size === 0) return direct;
    const proxy = rules.proxyFor(new URL(origin ?? ''));
    return (proxy !== undefined && proxies.get(proxy)) || direct;
  };
  return {
    request: (options) => pooledRequest(poolFor(options.origin), options),
    dispatch: (options, handler) => poolFor(options.origin).dispatch(options, handler),
    close: async () => void (await Promise.all(all.map((each) => each.close()))),
    destroy: async () => void (await Promise.all(all.map((each) => each.destroy()))),
  };
}
