/**
 * What ends a wait: an `AbortSignal`, or the little of one that this program's own waits look at. Node takes
 * 5 µs to make an `AbortSignal` and 15 for one with a timeout, of which a call would need several.
 */
export interface Abortable {
  readonly aborted: boolean;
  /** Why, once it has aborted. */
  readonly reason: unknown;
  addEventListener(type: 'abort', listener: () => void, options?: { once?: boolean }): void;
  removeEventListener(type: 'abort', listener: () => void): void;
}

/** The part of an `AbortController` and its signal in one. Never passed to Node, which would want more. */
export class Ending implements Abortable {
  aborted = false;
  reason: unknown;
  #listeners: (() => void)[] = [];

  /** Only the first reason counts. */
  abort(reason: unknown): void {
    if (this.aborted) return;
    this.aborted = true;
    this.reason = reason;
    const listeners = this.#listeners;
    this.#listeners = [];
    for (const listener of listeners) listener();
  }

  /** A listener is called once at most. */
  addEventListener(_: 'abort', listener: () => void): void {
    this.#listeners.push(listener);
  }

  removeEventListener(_: 'abort', listener: () => void): void {
    const at = this.#listeners.indexOf(listener);
    if (at >= 0) this.#listeners.splice(at, 1);
  }
}

/** Aborts with the reason that `AbortSignal.timeout` gives, and keeps no process running. */
export class TimeLimit extends Ending {
  readonly #timer: NodeJS.Timeout;

  constructor(milliseconds: number) {
    super();
    const over = () =>
      this.abort(new DOMException('The operation was aborted due to timeout', 'TimeoutError'));
    this.#timer = setTimeout(over, milliseconds).unref();
  }

  /** It will not abort any more. */
  lift(): void {
    clearTimeout(this.#timer);
  }
}
