/**
 * Connects a host on stdio with a remote MCP server (start reading this room here). Messages pass in both
 * directions unchanged. A request that the server does not answer is answered here, with what a person or
 * an agent can do about it.
 */
import type { Abortable } from '../abortable.ts';
import { AccessError } from '../errors.ts';
import type { Ask } from './ask.ts';
import { type Explain, errorAnswer, unreadable } from './error-answer.ts';
import { type Message, readMessage, requestsOf } from './message.ts';
import { createOpenRequests, type OpenRequest } from './open-requests.ts';
import type { Hears, Posting } from './remote.ts';
import { createRemoteSessions } from './sessions.ts';

export interface BridgeOptions {
  readonly url: URL;
  readonly ask: Ask;
  /** Resolves when the host can take more. */
  readonly write: (line: string) => Promise<void>;
  readonly explain: Explain;
  /** Called for failures that no request is waiting for. */
  readonly onFailure: (error: unknown) => void;
}

export interface Bridge {
  take(line: string): void;
  /** Resolves when nothing that was taken waits for an answer. */
  answered(): Promise<void>;
  /** Whether the server has answered anything yet. */
  hasAnswered(): boolean;
  /** Abandons everything that is open, and ends the session at the server. */
  end(until: Abortable): Promise<void>;
}

/** Hosts give up after 30 s, some earlier; before that, they must have been told where to sign in. */
const handshakeMs = 24_500;
/** A handshake within this time is taken as the reason why the process was started. */
const startMs = 5_000;
const handshakes: readonly string[] = ['initialize', 'server/discover'];

export function createBridge({ url, ask, write, explain, onFailure }: BridgeOptions): Bridge {
  const open = createOpenRequests();
  /** Resolves when the server has accepted the message that must precede all others. */
  let before: Promise<void> = Promise.resolve();
  const passing = new Set<Promise<void>>();
  let hasAnswered = false;

  const fail = (request: OpenRequest, error: unknown): void => {
    if (open.done(request)) void write(errorAnswer(request.id, error, explain));
  };

  const hears: Hears = {
    onFailure,
    async onMessage({ parts, isBatch }, text) {
      for (const part of parts) {
        if (part.kind !== 'answer' || part.id === null) continue;
        hasAnswered = true;
        const request = open.find(part.id);
        if (request) open.done(request);
        // It has already been answered here, or cancelled.
        else if (!isBatch) return;
      }
      await write(text);
    },
  };

  const sessions = createRemoteSessions({
    url,
    ask,
    hears,
    onEnded(remote, why) {
      for (const request of open.all()) {
        if (request.taker !== remote) continue;
        fail(request, why);
        request.leave();
      }
    },
  });

  const pass = async (message: Message): Promise<void> => {
    const leaving = new AbortController();
    const mine = requestsOf(message).map((request) => open.add(request, () => leaving.abort()));
    const isHandshake = mine.some(({ method }) => handshakes.includes(method));
    const failAll = (error: unknown) => {
      for (const request of mine) fail(request, error);
      if (mine.length === 0) onFailure(error);
    };
    const posting: Posting = {
      signal: leaving.signal,
      signIn: isHandshake ? inTime(url, failAll) : {},
      isAnswered: () => mine.every(({ isDone }) => isDone),
      onLost: failAll,
    };
    try {
      const taker = await sessions.post(message, posting);
      for (const request of mine) request.taker = taker;
    } catch (error) {
      failAll(error);
    }
  };

  /** The host no longer waits for the request, whether or not the server honours the cancellation. */
  const cancel = (message: Message, request: OpenRequest): void => {
    const leave = () => {
      open.done(request);
      request.leave();
    };
    if (request.endsByLeaving) {
      leave();
      return;
    }
    // A message that has not been accepted may not have been sent at all.
    if (request.taker === undefined) leave();
    const isAnswered = () => true;
    const { signal } = new AbortController();
    sessions
      .post(message, { signal, isAnswered, onLost: onFailure })
      .catch(onFailure)
      .finally(leave);
  };

  return {
    take(line) {
      const message = readMessage(line);
      if (message === undefined) {
        void write(unreadable);
        return;
      }
      const [part] = message.parts;
      const method = part?.kind === 'answer' ? undefined : part?.method;
      if (method === 'notifications/cancelled' && part?.kind === 'notification') {
        const request = open.find(part.params.requestId);
        if (request) {
          cancel(message, request);
          return;
        }
      }
      const passed = before.then(() => pass(message)).finally(() => passing.delete(passed));
      passing.add(passed);
      if (method === 'initialize' || method === 'notifications/initialized') before = passed;
    },
    async answered() {
      while (passing.size > 0 || open.all().length > 0) {
        await (passing.size > 0 ? Promise.all(passing) : open.nextDone());
      }
    },
    hasAnswered: () => hasAnswered,
    async end(until) {
      for (const request of open.all()) {
        open.done(request);
        request.leave();
      }
      await sessions.end(until);
    },
  };
}

/** Once a sign-in has started, the host is answered before it gives up. */
function inTime(url: URL, give: (error: unknown) => void): Posting['signIn'] {
  const now = performance.now();
  // The host has been waiting since it started this process.
  const until = (now < startMs ? 0 : now) + handshakeMs;
  const leftMs = () => Math.max(0, until - performance.now());
  return {
    leftMs,
    onSignIn() {
      setTimeout(() => give(tooLate(url)), leftMs()).unref();
    },
  };
}

function tooLate({ host }: URL): AccessError {
  return new AccessError(
    'timeout',
    `${host} has not answered in the time that was left after the sign-in.`,
    [{ do: 'restart_server' }],
  );
}
