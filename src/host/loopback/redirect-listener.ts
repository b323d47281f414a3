/**
 * The loopback redirection endpoint (RFC 8252 §7.3, contract §4.6): one server per port, shared by all
 * sign-ins of this process. A port that another process of the same person (a sibling) holds counts as
 * claimed too, and can be taken over.
 */
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { AccessError } from '../../errors.ts';
import type { Log } from '../../log.ts';
import type {
  CallbackPage,
  ClaimedPort,
  OnCallback,
  RedirectListener,
} from '../../session/ports.ts';
import { brokenPage, pageHeaders, renderCallbackPage } from './callback-page.ts';
import {
  type Answer,
  bindLoopback,
  type LoopbackServer,
  loopbackAddresses,
  type OnCallback as ServerCallback,
} from './loopback-server.ts';
import { identifyHolder, identifyParameter, proveIdentity } from './sibling.ts';

/** How long a released port waits for its page to reach the browser. */
const pageGraceMs = 800;
/** With growing pauses; half a second in all if the holder answers or resets at once. */
const bindAttempts = 10;
/** For a holder that does not answer: it may be a sibling that is busy converting a long page. */
const bindPatienceMs = 5_000;
const pageStatus = { signed_in: 200, failed: 400, not_ours: 400 } as const;

/** One port, and what this process does with it. */
interface Port {
  server: LoopbackServer | undefined;
  binding: Promise<boolean> | undefined;
  readonly claims: Set<OnCallback>;
}

export interface LoopbackListener extends RedirectListener {
  /** The server that this process has bound to `port`; `undefined` while a sibling or nobody has. */
  serverAt(port: number): LoopbackServer | undefined;
  /** Closes everything for good; pages that are on their way have `graceMs`, or 800 ms if that is less. */
  close(graceMs?: number): Promise<void>;
}

export function createRedirectListener(options: {
  readonly identityKey: () => Promise<Uint8Array>;
  readonly log: Log;
  /** The address to bind instead of both loopback addresses. */
  readonly bindAddress?: string | undefined;
}): LoopbackListener {
  const { identityKey, log, bindAddress } = options;
  const bound = bindAddress === undefined ? loopbackAddresses : [bindAddress];
  // A wildcard address includes the loopback addresses.
  const reached = bound.some((address) => /^(?:0\.0\.0\.0|[0:]+)$/.test(address))
    ? loopbackAddresses
    : bound;
  const ports = new Map<number, Port>();
  let closed = false;

  /** Passes the callback to each claim in order; the first that recognises it answers. */
  async function ask(
    claims: ReadonlySet<OnCallback>,
    parameters: URLSearchParams,
  ): Promise<Answer> {
    let broken = false;
    let page: CallbackPage = { status: 'not_ours' };
    for (const onCallback of [...claims]) {
      try {
        page = await onCallback(parameters);
        if (page.status !== 'not_ours') break;
      } catch (error) {
        broken = true;
        log('error', 'a callback could not be handled', { reason: String(error) });
      }
    }
    if (broken && page.status === 'not_ours') {
      return { status: 500, headers: pageHeaders, body: brokenPage };
    }
    return {
      status: pageStatus[page.status],
      headers: pageHeaders,
      body: renderCallbackPage(page),
    };
  }

  async function identify(port: number, nonce: string): Promise<Answer> {
    try {
      const proof = proveIdentity(await identityKey(), port, nonce);
      if (proof !== undefined) return { status: 200, body: proof };
      return { status: 400, body: 'That is not a nonce.\n' };
    } catch (error) {
      log('error', 'the identity key could not be read', { reason: String(error) });
      return { status: 500, body: 'Something went wrong here.\n' };
    }
  }

  async function bind(number: number, port: Port): Promise<boolean> {
    const onCallback: ServerCallback = async (parameters, { socket }) => {
      const nonce = parameters.get(identifyParameter);
      if (nonce === null) return await ask(port.claims, parameters);
      // Our other processes are on this machine. Another machine must not obtain a proof that it could
      // relay to one of them.
      return isFromHere(socket)
        ? await identify(server?.port ?? number, nonce)
        : { status: 403, body: 'This is only for programs on the same machine.\n' };
    };
    const server = await bindLoopback(number, onCallback, bound);
    if (closed) await server?.close(0);
    else port.server = server;
    return port.server !== undefined;
  }

  /** True when this process has the port afterwards. Concurrent calls share one attempt. */
  async function makeOurs(number: number, port: Port): Promise<boolean> {
    if (port.server !== undefined) return true;
    port.binding ??= bind(number, port).finally(() => {
      port.binding = undefined;
    });
    return await port.binding;
  }

  /** False when another program holds it. */
  async function obtain(number: number, port: Port): Promise<boolean> {
    const until = performance.now() + bindPatienceMs;
    for (let attempt = 1; attempt <= bindAttempts && performance.now() < until; attempt += 1) {
      if (await makeOurs(number, port)) return true;
      const holder = await identifyHolder(number, await identityKey(), reached);
      if (holder === 'sibling') return true;
      if (holder === 'stranger') return false;
      // For a moment, siblings may give it up and take it over one after the other.
      await sleep(10 * attempt);
    }
    return false; // it can be neither bound nor reached
  }

  async function release(number: number, port: Port, onCallback: OnCallback): Promise<void> {
    port.claims.delete(onCallback);
    if (port.claims.size > 0) return;
    if (ports.get(number) === port) ports.delete(number);
    await port.binding?.catch(() => false);
    const { server } = port;
    port.server = undefined;
    await server?.close(pageGraceMs);
  }

  return {
    async claim(wanted, onCallback) {
      for (const number of wanted) {
        // A new function for each claim, so that two claims with the same one stay distinct.
        const handler: OnCallback = (parameters) => onCallback(parameters);
        const port = ports.get(number) ?? newPort();
        port.claims.add(handler);
        ports.set(number, port);
        let obtained = false;
        try {
          obtained = await obtain(number, port);
        } finally {
          if (!obtained) await release(number, port, handler);
        }
        if (!obtained) {
          log('info', 'a callback port cannot be had', { port: number });
          continue;
        }
        return claimed(port.server?.port ?? number, {
          held: () => port.server !== undefined,
          takeOver: () => makeOurs(number, port),
          release: () => release(number, port, handler),
        });
      }
      throw portUnavailable(wanted, bindAddress);
    },

    serverAt: (port) => ports.get(port)?.server,

    async close(graceMs = 0) {
      closed = true;
      const servers = [...ports.values()].map(({ server }) => server);
      for (const port of ports.values()) {
        port.claims.clear();
        port.server = undefined;
      }
      ports.clear();
      await Promise.all(servers.map((server) => server?.close(Math.min(graceMs, pageGraceMs))));
    },
  };
}

function isFromHere({ remoteAddress = '', localAddress }: Socket): boolean {
  const address = remoteAddress.replace(/^::ffff:/i, '');
  return address === '::1' || address.startsWith('127.') || remoteAddress === localAddress;
}

function newPort(): Port {
  return { server: undefined, binding: undefined, claims: new Set() };
}

function claimed(port: number, does: Omit<ClaimedPort, 'port'>): ClaimedPort {
  let released = false;
  return {
    port,
    held: () => !released && does.held(),
    takeOver: async () => !released && (await does.takeOver()),
    release: async () => {
      if (released) return;
      released = true;
      await does.release();
    },
  };
}

function portUnavailable(ports: readonly number[], bindAddress: string | undefined): AccessError {
  const list = ports.join(', ');
  const orNoAddress =
    bindAddress === undefined
      ? ''
      : `, or ${bindAddress} (CF_ACCESS_CALLBACK_BIND) is no address of this machine`;
  return new AccessError(
    'callback_port_unavailable',
    ports.length === 1
      ? `Port ${list} on this machine, where the browser brings the sign-in's answer, is used by another program${orNoAddress}.`
      : `None of the ports ${list} on this machine, where the browser brings the sign-in's answer, can be used: other programs hold them${orNoAddress}.`,
    [
      {
        do: 'set_variables',
        variables: [{ name: 'CF_ACCESS_CALLBACK_PORT', to: 'a free port' }],
      },
      { when: 'otherwise', do: 'end_program', program: 'the program that holds the port' },
      { when: 'done', do: 'sign_in' },
    ],
  );
}
