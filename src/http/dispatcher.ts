/** Connections: pooled and kept alive, through the environment's proxies, with limits on everything. */
import { Agent, Dispatcher, Pool, ProxyAgent } from 'undici';
import { receiveBuffers } from '../receive-buffers.ts';
import { lookup } from './lookup.ts';
import { createProxyRules, type ProxySettings } from './proxy-rules.ts';
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
): Dispatcher {
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
  if (proxies.size === 0) return direct;
  return new RoutingDispatcher(direct, [...proxies.values()], (origin) => {
    const proxy = rules.proxyFor(origin);
    return (proxy !== undefined && proxies.get(proxy)) || direct;
  });
}

class RoutingDispatcher extends Dispatcher {
  readonly #all: readonly Dispatcher[];
  readonly #route: (origin: URL) => Dispatcher;

  constructor(
    direct: Dispatcher,
    proxies: readonly Dispatcher[],
    route: (origin: URL) => Dispatcher,
  ) {
    super();
    this.#all = [direct, ...proxies];
    this.#route = route;
  }

  override dispatch(
    options: Dispatcher.DispatchOptions,
    handler: Dispatcher.DispatchHandler,
  ): boolean {
    return this.#route(new URL(options.origin ?? '')).dispatch(options, handler);
  }

  override close(): Promise<void>;
  override close(callback: () => void): void;
  override close(callback?: () => void): Promise<void> | undefined {
    return settle(Promise.all(this.#all.map((each) => each.close())), callback);
  }

  override destroy(error?: Error | null): Promise<void>;
  override destroy(callback: () => void): void;
  override destroy(error: Error | null, callback: () => void): void;
  override destroy(
    first?: Error | null | (() => void),
    second?: () => void,
  ): Promise<void> | undefined {
    const error = typeof first === 'function' ? null : (first ?? null);
    const callback = typeof first === 'function' ? first : second;
    return settle(Promise.all(this.#all.map((each) => each.destroy(error))), callback);
  }
}

function settle(all: Promise<unknown>, callback?: () => void): Promise<void> | undefined {
  const done = all.then(() => {});
  if (!callback) return done;
  done.then(callback, callback);
  return undefined;
}
