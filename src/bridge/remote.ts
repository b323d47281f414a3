/** A session with a remote MCP server, over either transport. */
import type { Abortable } from '../abortable.ts';
import type { SendOptions } from '../relay/credentialed-send.ts';
import type { Concealed } from '../secrets/concealer.ts';
import type { Message } from './message.ts';

export interface Remote {
  /**
   * Resolves when the server has accepted the message; its answers arrive later. Throws AccessError,
   * `SessionEnded` and `OtherTransport`.
   */
  post(message: Message, posting: Posting): Promise<void>;
  /** Must be called with the revision that `initialize` has agreed on. */
  agree(revision: string): void;
  /** From now on, receives the messages that the server sends on its own. */
  listen(): void;
  /**
   * Another session has taken its place: leaves the stream of the server's own messages. Messages that are
   * on their way still learn that the session has ended.
   */
  retire(): void;
  /** Ends the session at the server, if it keeps one. Never throws. */
  end(until: Abortable): Promise<void>;
  /** Abandons everything that is open. */
  close(): void;
}

export interface Posting {
  /** Ends the wait for the message to be accepted and answered. */
  readonly signal: Abortable;
  /** Without it, this message starts no sign-in. */
  readonly signIn?: Omit<SendOptions, 'isRepeatable'> | undefined;
  /** False while an answer to the message is still to come. */
  isAnswered(): boolean;
  /** Called when no further answer can arrive: at most once, and after `post` has resolved. */
  readonly onLost: (error: unknown) => void;
}

export interface Hears {
  /** Resolves when the host can receive more. */
  readonly onMessage: (message: Message, text: Concealed<string>) => Promise<void>;
  /** Called with failures to pass something on, and with those after which there is another attempt. */
  readonly onFailure: (error: unknown) => void;
}

/** The server no longer knows the session, and did not accept the message. */
export class SessionEnded extends Error {
  /** The server's answer, if it may also mean something else. */
  readonly refusal: Error | undefined;

  constructor(refusal?: Error) {
    super('the session has ended');
    this.refusal = refusal;
  }
}

/** The server does not accept messages over this transport; `refusal` contains its answer. */
export class OtherTransport extends Error {
  readonly refusal: Error;

  constructor(refusal: Error) {
    super('another transport');
    this.refusal = refusal;
  }
}

/**
 * The maximum length of a message. Hosts drop the connection at 10 MiB, and lose the messages that follow.
 */
export const mostCharacters = 10 * 1024 * 1024 - 128 * 1024;
