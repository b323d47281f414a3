/**
 * What ends a wait: an `AbortSignal`, or the little of one that this program's own waits look at. Node takes
 * 5 µs to make and follow an `AbortSignal`, and 15 for one with a timeout, of which a call needs several.
 */
export interface Abortable {
  readonly aborted: boolean;
  /** Why, once it has aborted. */
  readonly reason: unknown;
  addEventListener(type: 'abort', listener: () => void, options?: { once?: boolean }): void;
  removeEventListener(type: 'abort', listener: () => void): void;
  throwIfAborted(): void;
}

/** For Node and the SDK, which look at the rest of it too. */
export function asAbortSignal(source: Abortable): AbortSignal {
  if (source instanceof AbortSignal) return source;
  const controller = new AbortController();
  const abort = () => controller.abort(source.reason);
  if (source.aborted) abort();
  else source.addEventListener('abort', abort, { once: true });
  return controller.signal;
}

/** The part of an `AbortController` and its signal in one. */
export class Ending implements Abortable {
  aborted = false;
  reason: unknown;
  readonly #listeners: (() => void)[] = [];

  /** Only the first reason counts; without one, it is an `AbortController`'s. */
  abort(reason: unknown = new DOMException('This operation was aborted', 'AbortError')): void {
    if (this.aborted) return;
    this.aborted = true;
    this.reason = reason;
    for (let next = this.#listeners.shift(); next; next = this.#listeners.shift()) {
      try {
        next();
      } catch (error) {
        // As with an `AbortSignal`: whoever aborts, and the other listeners, are not concerned.
        process.nextTick(() => {
          throw error;
        });
      }
    }
  }

  /** A listener is called once at most. */
  addEventListener(_: 'abort', listener: () => void): void {
    this.#listeners.push(listener);
  }

  removeEventListener(_: 'abort', listener: () => void): void {
    const at = this.#listeners.indexOf(listener);
    if (at >= 0) this.#listeners.splice(at, 1);
  }

  throwIfAborted(): void {
    if (this.aborted) throw this.reason;
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
