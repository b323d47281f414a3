/**
 * What holds the connections of one process: undici's pools, or Node's own client where a command needs
 * one connection. Each is loaded by the first request that goes through it.
 */
import { once } from '../../once.ts';
import type { ProxySettings } from '../proxy-rules.ts';
import type { Requests } from '../send.ts';

export interface Connections extends Requests {
  /** Lets all go, whatever is under way on them. */
  destroy(): Promise<void>;
}

export interface ConnectionsOptions {
  /** To one origin at once; 64 when absent. */
  readonly connections?: number;
  /** For one connection with its handshake; ten seconds when absent. */
  readonly connectTimeoutMs?: number;
  /** For a process that makes a request or two, and ends. */
  readonly few?: boolean;
}

/** A proxy that is no URL fails the first request with `config_invalid`. */
export function openConnections(
  proxy: ProxySettings,
  { few = false, ...limits }: ConnectionsOptions = {},
): Connections {
  const opened: Promise<{ destroy(): unknown }>[] = [];
  const kept = <T extends Promise<{ destroy(): unknown }>>(one: T): T => {
    opened.push(one);
    return one;
  };
  const pools = once(() =>
    kept(
      import('../dispatcher.ts').then(({ createDispatcher }) => createDispatcher(proxy, limits)),
    ),
  );
  const client = once(() =>
    kept(import('./node-client.ts').then(({ createNodeClient }) => createNodeClient(limits))),
  );
  const rules = once(async () => {
    const { createProxyRules } = await import('../proxy-rules.ts');
    return createProxyRules(proxy);
  });
  const isDirect = async (origin: string) =>
    (await rules()).proxyFor(new URL(origin)) === undefined;
  return {
    async request(options) {
      const isOurs = few && (await isDirect(options.origin));
      const requests: Pick<Requests, 'request'> = await (isOurs ? client() : pools());
      return requests.request(options);
    },
    dispatch(options, handler) {
      pools().then(
        (dispatcher) => dispatcher.dispatch(options, handler),
        (error) => handler.onResponseError?.(undefined as never, error),
      );
      return true;
    },
    async destroy() {
      for (const each of opened) await (await each).destroy();
    },
  };
}
