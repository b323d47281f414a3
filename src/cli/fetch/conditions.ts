/** What a transfer is given besides its request, and what its attempts leave to each other. */
import type { CookieStore } from '../../http/cookies/cookie-store.ts';
import type { HopAnswer } from '../../http/hops.ts';
import type { Shell } from '../terminal/shell.ts';
import type { OpenRooms } from '../with-rooms.ts';
import type { FetchOptions } from './options.ts';
import type { Given } from './write-out.ts';

export interface Conditions {
  readonly shell: Shell;
  readonly options: FetchOptions;
  readonly open: OpenRooms;
  readonly cookies: CookieStore | undefined;
  readonly onAnswer: (answer: HopAnswer) => void;
  /** Hears what has become of an answer, or how far it came; `undefined` when another is asked for. */
  readonly onGiven: (given: Given | undefined) => void;
}

export interface Target {
  /** Absent: stdout. */
  readonly file: string | undefined;
  /** Then the answer may have another name for it. */
  readonly isNamedByUrl: boolean;
}

export interface Progress {
  /** True once another attempt would ask the person again, or print something twice. */
  isFinal: boolean;
}
