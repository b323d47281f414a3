/**
 * An answer's body as it arrives. What comes before anybody reads is held as it is, so that a short body,
 * which mostly comes with its head, can be taken whole, past the machinery of streams.
 */
import { Readable } from 'node:stream';
import type { Dispatcher } from 'undici';
import type { Abortable } from '../abortable.ts';

export class AnswerBody extends Readable {
  readonly #controller: Dispatcher.DispatchController;
  readonly #declared: number;
  /** `undefined` once somebody reads. */
  #held: Buffer[] | undefined = [];
  #received = 0;
  #isComplete = false;

  /** `declared`: the length that the head names; NaN for none. */
  constructor(
    controller: Dispatcher.DispatchController,
    { declared, highWaterMark }: { declared: number; highWaterMark: number | undefined },
  ) {
    super({ ...(highWaterMark === undefined ? {} : { highWaterMark }) });
    this.#controller = controller;
    this.#declared = declared;
  }

  receive(chunk: Buffer): void {
    this.#received += chunk.length;
    if (this.#held === undefined) {
      if (!this.push(chunk)) this.#controller.pause();
      return;
    }
    this.#held.push(chunk);
    if (this.#received >= this.readableHighWaterMark) this.#controller.pause();
  }

  complete(): void {
    this.#isComplete = true;
    if (this.#held === undefined) this.push(null);
  }

  /** All of it, if it has arrived, nobody has read from it, and it is no longer than `maxBytes`. */
  takeWhole(maxBytes: number): Buffer[] | undefined {
    const held = this.#held;
    if (!this.#isComplete || held === undefined || this.destroyed) return undefined;
    if (this.#received > maxBytes) return undefined;
    this.#held = undefined;
    return held;
  }

  /** Reads to the end, for the connection to be reused; gives up beyond `limit` bytes and on `signal`. */
  dump({ limit, signal }: { limit: number; signal: Abortable }): Promise<void> {
    return new Promise((resolve) => {
      const stop = () => this.destroy();
      signal.addEventListener('abort', stop, { once: true });
      this.on('close', () => {
        signal.removeEventListener('abort', stop);
        resolve();
      });
      if (this.#declared > limit || this.#received > limit) stop();
      this.on('data', () => {
        if (this.#received > limit) stop();
      });
    });
  }

  override _read(): void {
    const held = this.#held;
    this.#held = undefined;
    for (const chunk of held ?? []) this.push(chunk);
    if (this.#isComplete) this.push(null);
    else this.#controller.resume();
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    const failure = error ?? (this.readableEnded || this.#isComplete ? null : notReadOn());
    if (failure) this.#controller.abort(failure);
    callback(failure);
  }
}

function notReadOn(): Error {
  return Object.assign(new Error('The answer was not read to its end.'), {
    code: 'UND_ERR_ABORTED',
  });
}
