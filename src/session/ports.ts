/**
 * What the session room needs from the machine. `host/` implements these; tests use the real ones in a
 * temporary folder. In all of them `undefined` means "there is none", and throwing means that something is
 * broken.
 */
import type { Abortable } from '../abortable.ts';
import type { Records } from './records.ts';

export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Resolves after `milliseconds`; rejects with the signal's reason when aborted. */
  sleep(milliseconds: number, signal?: Abortable): Promise<void>;
}

export type RecordKind = keyof Records;

/**
 * Stores records by kind and key. A key may be any text, such as a URL, and appears in no file name. A
 * reader sees either the old record or the new one, never part of one. A damaged record is set aside and
 * reads as `undefined`; so does one of a newer format, which is set aside when it is written over.
 */
export interface RecordStore {
  read<K extends RecordKind>(kind: K, key: string): Promise<Records[K] | undefined>;
  /** Resolves when the record would survive a power cut. */
  write<K extends RecordKind>(kind: K, key: string, record: Records[K]): Promise<void>;
  remove(kind: RecordKind, key: string): Promise<void>;
  list<K extends RecordKind>(kind: K): Promise<Records[K][]>;
  /** Why records live in this process's memory alone; `undefined` while they are on disk. */
  memoryOnly(): string | undefined;
}

/** Mutual exclusion across the processes of one person, freed when its holder dies. */
export interface Lock {
  /**
   * Runs `work` while holding the lock called `name` (any text). Waits its turn for at most
   * `patienceMs` (default 60,000), then throws `temporarily_unavailable`. Not re-entrant: within
   * one process, callers queue like everyone else.
   */
  hold<T>(
    name: string,
    work: () => Promise<T>,
    options?: { signal?: AbortSignal; patienceMs?: number },
  ): Promise<T>;
}

/** The page that the person's browser is shown after the redirect to the callback. */
export interface CallbackPage {
  readonly status: 'signed_in' | 'failed' | 'not_ours';
  /** The application's host, for `signed_in` and `failed`. */
  readonly application?: string;
  /** For `signed_in`: the authorization server whose code was redeemed. */
  readonly issuer?: string | undefined;
  /** One or two sentences for the person: what failed, what to do. Plain text. */
  readonly message?: string;
}

/** Handles an authorization response. The listener shows the page that it resolves with. */
export type OnCallback = (parameters: URLSearchParams) => Promise<CallbackPage>;

export interface ClaimedPort {
  readonly port: number;
  /** False while another process of the same person holds the port and redeems our responses too. */
  held(): boolean;
  /** Tries to bind the port if it is not ours yet; true when it is ours afterwards. */
  takeOver(): Promise<boolean>;
  /** The listener closes when the last claim in this process is released. */
  release(): Promise<void>;
}

/**
 * The loopback redirection endpoint (RFC 8252 §7.3), http://localhost:<port>/callback, bound on 127.0.0.1
 * and ::1. One listener per process and port, shared by all its sign-ins.
 */
export interface RedirectListener {
  /**
   * Claims the first of `ports` that can be bound, or that a process of the same person (one that
   * shares our data folder) already holds. Throws `callback_port_unavailable` when there is none.
   */
  claim(ports: readonly number[], onCallback: OnCallback): Promise<ClaimedPort>;
}

/** The person's browser. */
export interface Browser {
  /** False when no browser could be started here. Takes only https URLs, and http to loopback. */
  open(url: URL): Promise<boolean>;
}
