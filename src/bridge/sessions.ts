/**
 * The session with the remote server. The host's own `initialize` begins it, over the transport that the
 * server supports. If the server no longer knows it, for example after a restart, it is begun again with
 * the same message, without the host noticing.
 */
import type { Abortable } from '../abortable.ts';
import { AccessError } from '../errors.ts';
import type { Ask } from './ask.ts';
import { openHttpWithSse } from './http-with-sse.ts';
import { type Answer, keyOf, type Message, requestsOf } from './message.ts';
import { answerDropped } from './refusal.ts';
import { type Hears, OtherTransport, type Posting, type Remote, SessionEnded } from './remote.ts';
import { createStreamableHttp } from './streamable-http.ts';

export interface RemoteSessions {
  /** Throws AccessError. Returns the session that has accepted the message. */
  post(message: Message, posting: Posting): Promise<Remote>;
  end(until: Abortable): Promise<void>;
}

export interface SessionsOptions {
  readonly url: URL;
  readonly ask: Ask;
  readonly hears: Hears;
  /** Messages that this session has accepted will not be answered any more. */
  readonly onEnded: (remote: Remote, why: AccessError) => void;
}

/** The time limit for beginning a session again. */
const renewalMs = 20_000;

export function createRemoteSessions(options: SessionsOptions): RemoteSessions {
  const { url, ask, onEnded } = options;
  let remote: Remote | undefined;
  let handshake:
    | { initialize: Message; initialized?: Message; revision?: string | undefined }
    | undefined;
  let renewing: Promise<void> | undefined;
  /** Receives the answer to an `initialize` that the host has not sent. */
  let renewed: { key: string; take: (answer: Answer) => void } | undefined;

  const hears: Hears = {
    ...options.hears,
    async onMessage(message, text) {
      for (const part of message.parts) {
        if (part.kind !== 'answer') continue;
        if (renewed && keyOf(part.id) === renewed.key) return renewed.take(part);
        if (handshake && keyOf(part.id) === keyOf(requestsOf(handshake.initialize)[0]?.id)) {
          handshake.revision ??= agree(part);
        }
      }
      await options.hears.onMessage(message, text);
    },
  };

  const agree = ({ result }: Answer): string | undefined => {
    const { protocolVersion } = result;
    // It is sent as a header field's value.
    const isVersion = typeof protocolVersion === 'string' && /^[\w.-]{1,64}$/.test(protocolVersion);
    if (isVersion) remote?.agree(protocolVersion);
    return isVersion ? protocolVersion : undefined;
  };

  const streamable = (): Remote => createStreamableHttp({ url, ask, hears });

  const begin = async (initialize: Message, posting: Posting): Promise<Remote> => {
    const first = streamable();
    remote = first;
    try {
      await first.post(initialize, posting);
      return first;
    } catch (error) {
      if (!(error instanceof OtherTransport)) throw error;
      const { signal, signIn } = posting;
      const older = await openHttpWithSse({ url, ask, hears, signal, signIn });
      if (older === undefined) throw error.refusal;
      remote = older;
      await older.post(initialize, posting);
      return older;
    }
  };

  const renew = async (ended: Remote, { signIn }: Posting): Promise<void> => {
    if (remote !== ended || handshake === undefined) return;
    const { initialize, initialized, revision } = handshake;
    const signal = AbortSignal.timeout(renewalMs);
    let answer: Answer | undefined;
    try {
      await new Promise<void>((resolve, reject) => {
        const take = (given: Answer) => {
          answer = given;
          resolve();
        };
        renewed = { key: keyOf(requestsOf(initialize)[0]?.id), take };
        const isAnswered = () => answer !== undefined;
        begin(initialize, { signal, signIn, isAnswered, onLost: reject }).catch(reject);
      });
    } finally {
      renewed = undefined;
      onEnded(ended, answerDropped(url));
    }
    if (answer === undefined || agree(answer) !== revision || revision === undefined) {
      throw changed(url);
    }
    if (initialized) {
      const posting = { signal, signIn, isAnswered: () => true, onLost: () => {} };
      await remote?.post(initialized, posting);
      remote?.listen();
    }
    ended.retire();
  };

  /** After a failure, the next message meets the ended session and so begins it again. */
  const renewOrReturn = async (before: Remote, posting: Posting): Promise<void> => {
    const repeated = handshake;
    try {
      await renew(before, posting);
    } catch (error) {
      // Unless the host has begun one itself meanwhile.
      if (handshake === repeated) {
        const unfinished = remote;
        remote = before;
        unfinished?.close();
        void unfinished?.end(AbortSignal.timeout(renewalMs));
      }
      throw error instanceof SessionEnded ? (error.refusal ?? ended(url)) : error;
    }
  };

  const pass = async (message: Message, posting: Posting): Promise<Remote> => {
    remote ??= streamable();
    const taker = remote;
    await taker.post(message, posting);
    return taker;
  };

  return {
    async post(message, posting) {
      const [request] = requestsOf(message);
      if (request?.method === 'initialize') {
        handshake = { initialize: message };
        remote?.close();
        return begin(message, posting);
      }
      await renewing?.catch(() => {});
      const before = remote;
      let taker: Remote;
      try {
        taker = await pass(message, posting);
      } catch (error) {
        if (!(error instanceof SessionEnded)) throw error;
        if (before === undefined || handshake === undefined) throw error.refusal ?? ended(url);
        renewing ??= renewOrReturn(before, posting).finally(() => {
          renewing = undefined;
        });
        await renewing;
        taker = await pass(message, posting).catch((again: unknown) => {
          throw again instanceof SessionEnded ? (again.refusal ?? ended(url)) : again;
        });
      }
      const [part] = message.parts;
      if (part?.kind === 'notification' && part.method === 'notifications/initialized') {
        if (handshake) handshake.initialized = message;
        taker.listen();
      }
      return taker;
    },
    async end(until) {
      const last = remote;
      last?.close();
      await last?.end(until);
    },
  };
}

function ended({ host }: URL): AccessError {
  return new AccessError(
    'temporarily_unavailable',
    `${host} has ended the MCP session and does not keep the one that was begun in its place.`,
    [{ do: 'restart_server' }],
  );
}

function changed({ host }: URL): AccessError {
  return new AccessError(
    'temporarily_unavailable',
    `${host} has ended the MCP session, and does not begin another as it did before: it has probably been updated.`,
    [{ do: 'restart_server' }],
  );
}
