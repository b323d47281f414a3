/** A session with a remote MCP server, whichever transport it speaks. */
import type { SendOptions } from '../relay/credentialed-send.ts';
import type { Concealed } from '../secrets/concealer.ts';
import type { Message } from './message.ts';

export interface Remote {
  /**
   * Resolves when the server has taken the message; what it answers comes by and by. Throws AccessError,
   * `SessionEnded` and `OtherTransport`.
   */
  post(message: Message, posting: Posting): Promise<void>;
  /** To be told what `initialize` has come to. */
  agree(revision: string): void;
  /** Hears what the server says without being asked, from now on. */
  listen(): void;
  /** Ends the session at the server, if it keeps one. Never throws. */
  end(until: AbortSignal): Promise<void>;
  /** Leaves everything that is open. */
  close(): void;
}

export interface Posting {
  /** Ends the wait for the message to be taken, and for what comes after. */
  readonly signal: AbortSignal;
  /** Without it nobody is asked to sign in for this message. */
  readonly signIn?: Omit<SendOptions, 'isRepeatable'> | undefined;
  /** False while an answer to the message is still to come. */
  isAnswered(): boolean;
  /** No further answer can come. Told once at most, after `post` has resolved. */
  readonly onLost: (error: unknown) => void;
}

export interface Hears {
  /** Resolves when the host can take more. */
  readonly onMessage: (message: Message, text: Concealed<string>) => Promise<void>;
  /** What could not be passed on, and what is tried again. */
  readonly onFailure: (error: unknown) => void;
}

/** The server has forgotten the session; the message was not taken. */
export class SessionEnded extends Error {
  /** What it has said, where that may mean something else. */
  readonly refusal: Error | undefined;

  constructor(refusal?: Error) {
    super('the session has ended');
    this.refusal = refusal;
  }
}

/** What answers does not take messages in this way; `refusal` says what it has said. */
export class OtherTransport extends Error {
  readonly refusal: Error;

  constructor(refusal: Error) {
    super('another transport');
    this.refusal = refusal;
  }
}

/** Of one message. Hosts drop their connection at 10 MiB, with what has come behind it. */
export const mostCharacters = 10 * 1024 * 1024 - 128 * 1024;
