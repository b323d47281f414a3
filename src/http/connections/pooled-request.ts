/**
 * A request over undici's pools. Their own `request` takes a third more time for a short answer, most of it
 * for its `AbortSignal`, and notices an abort only once the request has a connection.
 */
import { Readable } from 'node:stream';
import type { Dispatcher } from 'undici';
import { AnswerBody } from '../answer-body.ts';
import type { Answered, Asked } from '../send.ts';

/** Rejects as soon as `signal` aborts, which also ends the reading of the body. */
export function pooledRequest(
  dispatcher: Pick<Dispatcher, 'dispatch'>,
  asked: Asked,
): Promise<Answered> {
  return new Promise((resolve, reject) => {
    const exchange = new Exchange(asked, resolve, reject);
    const { signal: _, ...options } = asked;
    if (!exchange.isOver) dispatcher.dispatch(options, exchange);
  });
}

class Exchange implements Dispatcher.DispatchHandler {
  readonly #asked: Asked;
  readonly #resolve: (answer: Answered) => void;
  readonly #reject: (error: unknown) => void;
  #controller: Dispatcher.DispatchController | undefined;
  #body: AnswerBody | undefined;
  #trailers: Record<string, string | string[]> = {};
  isOver = false;

  constructor(asked: Asked, resolve: (answer: Answered) => void, reject: (error: unknown) => void) {
    this.#asked = asked;
    this.#resolve = resolve;
    this.#reject = reject;
    if (asked.signal.aborted) this.#abort();
    else asked.signal.addEventListener('abort', this.#abort, { once: true });
  }

  readonly #abort = (): void => {
    const { reason } = this.#asked.signal;
    const error = reason instanceof Error ? reason : new Error('aborted', { cause: reason });
    this.#end(error);
    this.#controller?.abort(error);
  };

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.isOver) this.#abort();
  }

  onResponseStart(
    controller: Dispatcher.DispatchController,
    statusCode: number,
    parsed: Answered['headers'],
    statusText = '',
  ): void {
    const { responseHeaders, onInfo, method, highWaterMark } = this.#asked;
    const raw = responseHeaders === 'raw' ? rawFields(controller) : undefined;
    const headers = (raw ?? parsed) as Answered['headers'];
    if (statusCode < 200) {
      onInfo?.({ statusCode, headers: headers as never });
      return;
    }
    const body = new AnswerBody(controller, {
      declared: method === 'HEAD' ? Number.NaN : Number(parsed['content-length']),
      highWaterMark,
    });
    this.#body = body;
    // Destroying an unfinished body makes it emit an error; without a listener that would end the process.
    body.on('error', () => {});
    this.#resolve({ statusCode, headers, body, statusText, trailers: this.#trailers });
  }

  onResponseData(_: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#body?.receive(chunk);
  }

  onResponseEnd(_: Dispatcher.DispatchController, trailers: Answered['headers']): void {
    Object.assign(this.#trailers, trailers);
    this.#body?.complete();
    this.#settled();
  }

  onResponseError(_: Dispatcher.DispatchController | undefined, error: Error): void {
    this.#end(error);
    const { body } = this.#asked;
    if (body instanceof Readable) body.on('error', () => {}).destroy(error);
  }

  #end(error: Error): void {
    this.#settled();
    this.#reject(error);
    this.#body?.destroy(error);
  }

  #settled(): void {
    this.isOver = true;
    this.#asked.signal.removeEventListener('abort', this.#abort);
  }
}

/** As a flat list of names and values. */
function rawFields({ rawHeaders }: Dispatcher.DispatchController): string[] {
  const list = Array.isArray(rawHeaders) ? rawHeaders : [];
  return list.map((each) => (typeof each === 'string' ? each : each.toString('latin1')));
}
