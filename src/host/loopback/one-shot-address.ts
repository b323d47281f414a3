/**
 * What stands on a browser's command line instead of the sign-in's address, because everybody on the
 * machine can read the process list. It is an address on loopback, served by this process, that redirects
 * the browser to the sign-in: once, within a minute, and only for programs of this user.
 */
import { randomBytes } from 'node:crypto';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { Log } from '../../log.ts';
import { pageHeaders, strangerPage, usedPage } from './callback-page.ts';
import { connectionOwner } from './connection-owner.ts';
import { type Answer, bindLoopback, type LoopbackServer } from './loopback-server.ts';

export interface OneShotAddress {
  readonly url: URL;
  /** Resolves when a browser has been redirected. */
  readonly used: Promise<void>;
  close(): void;
}

export interface OneShotAddresses {
  /** `undefined` when no port can be had on loopback. */
  leadTo(target: URL): Promise<OneShotAddress | undefined>;
  /**
   * Resolves when every browser that was started has been redirected, when the last has had `patienceMs`
   * to come, and when `until` is aborted.
   */
  settled(until: AbortSignal): Promise<void>;
}

/** Time for the answer to reach the browser. */
const answerGraceMs = 800;

export function createOneShotAddresses({
  callbackServer,
  log,
  owner = connectionOwner,
  lifetimeMs = 60_000,
  patienceMs = 10_000,
}: {
  /** This process's server on a callback port, which people may forward to other machines. */
  readonly callbackServer: (port: number) => LoopbackServer | undefined;
  readonly log: Log;
  readonly owner?: typeof connectionOwner;
  /** Milliseconds; default: a minute. */
  readonly lifetimeMs?: number;
  /** Default: ten seconds, since a browser may have to be started first. */
  readonly patienceMs?: number;
}): OneShotAddresses {
  /** When each was started, by `performance.now()`. */
  const waiting = new Map<Promise<void>, number>();

  return {
    async leadTo(target) {
      const shared = callbackServer(callbackPortOf(target));
      const server = shared ?? (await bindLoopback(0));
      if (server === undefined) return undefined;
      let state: 'open' | 'used' | 'closed' = 'open';
      const used = signal();
      const ended = signal();

      const lead = async (request: IncomingMessage): Promise<Answer> => {
        const objection = objectionTo(request.headers);
        if (objection) return objection;
        if ((await owner(request.socket)) === 'other') {
          log('warn', 'another user of this machine asked for the address of a sign-in', {});
          return { status: 403, headers: pageHeaders, body: strangerPage };
        }
        if (state !== 'open') return { status: 410, headers: pageHeaders, body: usedPage };
        state = 'used';
        used.give();
        close();
        return { status: 302, headers: { location: target.href }, body: '' };
      };
      const path = `/open/${randomBytes(32).toString('base64url')}`;
      const remove = server.answerAt(path, lead);
      const close = (): void => {
        if (state === 'open') state = 'closed';
        clearTimeout(timer);
        // On a callback server the path stays as long as the server does, so that later visitors are told
        // that it has been used.
        if (shared !== undefined) ended.give();
        else void server.close(answerGraceMs).then(ended.give);
        if (state === 'closed') remove();
      };
      const timer = setTimeout(close, lifetimeMs).unref();
      waiting.set(ended.given, performance.now());
      void ended.given.then(() => waiting.delete(ended.given));
      // Not `localhost`: browsers try ::1 first, where another program may listen, and apply HSTS by name.
      const url = new URL(`http://127.0.0.1:${server.port}${path}`);
      return { url, used: used.given, close };
    },

    async settled(until) {
      const leftMs = Math.max(...waiting.values()) + patienceMs - performance.now();
      if (until.aborted || leftMs <= 0) return;
      let timer: NodeJS.Timeout | undefined;
      const over = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, leftMs);
        until.addEventListener('abort', () => resolve(), { once: true });
      });
      await Promise.race([Promise.all(waiting.keys()), over]);
      clearTimeout(timer);
    },
  };
}

/** The port that the browser will be redirected back to; 0 if the target names none. */
function callbackPortOf(target: URL): number {
  const redirectUri = target.searchParams.get('redirect_uri') ?? '';
  return URL.canParse(redirectUri) ? Number(new URL(redirectUri).port) : 0;
}

/** Rejects requests that a browser told to open an address never sends. They do not use the address up. */
function objectionTo(headers: IncomingHttpHeaders): Answer | undefined {
  const speculates = ['sec-purpose', 'purpose', 'x-purpose', 'x-moz'].some((name) => headers[name]);
  if (speculates) return { status: 503, body: 'This address is not fetched in advance.\n' };
  const isExpected = (name: string, value: string): boolean =>
    headers[name] === undefined || headers[name] === value;
  // A browser that sends any of them sends the site. The mode alone is from the `fetch` of a program that
  // stands for a browser.
  const isNavigation =
    headers['sec-fetch-site'] === undefined ||
    (headers['sec-fetch-site'] === 'none' &&
      isExpected('sec-fetch-mode', 'navigate') &&
      isExpected('sec-fetch-dest', 'document'));
  if (headers.origin === undefined && isNavigation) return undefined;
  return { status: 403, body: 'This address is for the browser that was started with it.\n' };
}

function signal(): { readonly given: Promise<void>; give(): void } {
  let give = (): void => {};
  const given = new Promise<void>((resolve) => {
    give = resolve;
  });
  return { given, give };
}
