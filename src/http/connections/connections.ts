/**
 * What holds the connections of one process: undici's pools, or Node's own client where a command needs
 * one connection. Each is loaded by the first request that goes through it.
 */
import { once } from '../../once.ts';
import type { Pools } from '../dispatcher.ts';
import type { ProxySettings } from '../proxy-rules.ts';
import type { Requests } from '../send.ts';
import { untilAborted } from '../waiting/within.ts';

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
  /** Asked directly once there: each wait takes its share of a short request. */
  let made: Pools | undefined;
  const pools = once(() =>
    kept(
      import('../dispatcher.ts').then(({ createDispatcher }) => {
        made = createDispatcher(proxy, limits);
        return made;
      }),
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
  const later: Pick<Requests, 'request'> = {
    async request(options) {
      const { origin, signal } = options;
      if (few && (await isDirect(origin))) {
        const asking = client().then((one) => one.request(options));
        return untilAborted(asking, signal, new URL(origin));
      }
      return (await pools()).request(options);
    },
  };
  return {
    request: (options) => (few || made === undefined ? later : made).request(options),
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
