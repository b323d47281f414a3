/**
 * A request to switch protocols (RFC 9110 §7.8). An answer other than 101 is returned like any other:
 * undici's own `upgrade` would discard it, and Access's challenge with it.
 */

import { Readable } from 'node:stream';
import type { Dispatcher } from 'undici';
import type { Abortable } from '../abortable.ts';
import { type Fields, fieldsFrom } from './fields.ts';
import { pairsOf, type Wire, type WireAnswer } from './wire.ts';

interface Switched {
  readonly status: number;
  readonly headers: Fields;
  /** Empty after a 101. */
  readonly body: Readable;
  readonly wire: WireAnswer;
}

export function exchangeUpgrade(
  dispatcher: Pick<Dispatcher, 'dispatch'>,
  request: {
    readonly url: URL;
    readonly headers: string[];
    readonly signal: Abortable | undefined;
    readonly wire: Wire;
  },
): Promise<Switched> {
  const { url, headers, signal, wire } = request;
  return new Promise((resolve, reject) => {
    let body: Readable | undefined;
    const trailers = {};
    let controller: Dispatcher.DispatchController | undefined;
    const abort = () => {
      const reason: unknown = signal?.reason;
      const error = reason instanceof Error ? reason : new Error('aborted');
      controller?.abort(error);
      reject(error);
    };
    signal?.addEventListener('abort', abort, { once: true });
    const settled = () => signal?.removeEventListener('abort', abort);
    const answer = (status: number, reason: string, content: Readable) => {
      const fields = rawFields(controller);
      return {
        status,
        headers: fieldsFrom(fields),
        body: content,
        wire: { reason, fields, trailers },
      };
    };
    dispatcher.dispatch(
      {
        origin: url.origin,
        path: wire.target,
        method: 'GET',
        headers,
        upgrade: wire.upgrade ?? null,
        headersTimeout: 0,
        bodyTimeout: 0,
      },
      {
        onRequestStart(started) {
          controller = started;
          if (signal?.aborted) abort();
        },
        onRequestUpgrade(_, status, __, socket) {
          settled();
          socket.on('error', () => {});
          const switched = answer(status, 'Switching Protocols', Readable.from([]));
          resolve({ ...switched, wire: { ...switched.wire, upgraded: socket } });
        },
        onResponseStart(_, status, __, reason = '') {
          if (status < 200) return;
          body = new Readable({
            read: () => controller?.resume(),
            destroy(error, callback) {
              if (!body?.readableEnded) controller?.abort(error ?? new Error('not read on'));
              settled();
              callback(error);
            },
          });
          body.on('error', () => {});
          resolve(answer(status, reason, body));
        },
        onResponseData(_, chunk) {
          if (body?.push(chunk) === false) controller?.pause();
        },
        onResponseEnd(_, ended) {
          Object.assign(trailers, ended);
          body?.push(null);
        },
        onResponseError(_, error) {
          settled();
          if (body) body.destroy(error);
          else reject(error);
        },
      },
    );
  });
}

function rawFields(controller: Dispatcher.DispatchController | undefined) {
  const raw = controller?.rawHeaders;
  const list = Array.isArray(raw) ? raw : [];
  return pairsOf(list.map((each) => (typeof each === 'string' ? each : each.toString('latin1'))));
}
