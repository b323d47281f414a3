/**
 * One request, one answer: no redirect followed, nothing decoded. All traffic of this program goes
 * through a `Send`. A GET or HEAD whose connection was lost before any answer is sent once more
 * (RFC 9110 §9.2.2, RFC 9112 §9.3.1); nothing else is ever sent twice here.
 */
import { Readable } from 'node:stream';
import type { Dispatcher } from 'undici';
import { acceptEncoding } from './content-coding.ts';
import { connectionWasLost, networkFailure } from './failures.ts';
import type { RepeatableBody } from './request-body.ts';

export interface Outgoing {
  readonly method: string;
  readonly url: URL;
  readonly headers: Iterable<readonly [name: string, value: string]>;
  readonly body?: string | Uint8Array | Readable | RepeatableBody;
  readonly signal?: AbortSignal;
  /** Milliseconds until the answer's head; between parts of its body. Undici's 300 s otherwise. */
  readonly headTimeoutMs?: number;
  readonly bodyTimeoutMs?: number;
}

export interface Incoming {
  readonly url: URL;
  readonly status: number;
  readonly headers: Headers;
  /** As it came: still encoded. Must be read or destroyed. */
  readonly body: Readable;
}

/** Throws AccessError `network_error`, `timeout`, `tls_untrusted`, `response_too_large`, `cancelled`. */
export type Send = (request: Outgoing) => Promise<Incoming>;

/** Of a body that comes faster than it is read: a chunk or two, for more would be joined by copying. */
const bufferedBytes = 256 * 1024;

export const userAgent = 'cloudflare-access-mcp';

export function createSend(dispatcher: Dispatcher): Send {
  return async (request) => {
    try {
      return await exchange(dispatcher, request);
    } catch (error) {
      if (!mayRepeat(request) || request.signal?.aborted || !connectionWasLost(error)) {
        throw networkFailure(error, request.url, request.signal);
      }
    }
    try {
      return await exchange(dispatcher, request);
    } catch (error) {
      throw networkFailure(error, request.url, request.signal);
    }
  };
}

function mayRepeat({ method, body }: Outgoing): boolean {
  return (method === 'GET' || method === 'HEAD') && body === undefined;
}

async function exchange(
  dispatcher: Dispatcher,
  { method, url, headers, body, signal, headTimeoutMs, bodyTimeoutMs }: Outgoing,
): Promise<Incoming> {
  const fields = new Map([
    ['user-agent', userAgent],
    ['accept', '*/*'],
    ['accept-encoding', acceptEncoding],
  ]);
  for (const [name, value] of headers) fields.set(name.toLowerCase(), value);
  signal?.throwIfAborted();
  const content = isRepeatable(body) ? await body.open() : body;
  if (isRepeatable(body)) fields.set('content-length', String(body.bytes));
  try {
    const sending = dispatcher.request({
      origin: url.origin,
      path: url.pathname + url.search,
      method: method as Dispatcher.HttpMethod,
      headers: [...fields].flat(),
      body: content ?? null,
      highWaterMark: bufferedBytes,
      signal: signal ?? null,
      ...(headTimeoutMs === undefined ? {} : { headersTimeout: headTimeoutMs }),
      ...(bodyTimeoutMs === undefined ? {} : { bodyTimeout: bodyTimeoutMs }),
    });
    const answer = await untilAborted(sending, signal);
    // Destroying a body that has not ended makes it fail; without a listener that would end the process.
    answer.body.on('error', () => {});
    return {
      url,
      status: answer.statusCode,
      headers: toHeaders(answer.headers),
      body: answer.body,
    };
  } catch (error) {
    if (content instanceof Readable) content.destroy();
    throw error;
  }
}

/** Undici hears of an abort only once the request has a connection: it may wait long for one of its origin's. */
async function untilAborted(
  sending: Promise<Dispatcher.ResponseData>,
  signal: AbortSignal | undefined,
): Promise<Dispatcher.ResponseData> {
  if (signal === undefined) return sending;
  let abort = () => {};
  const aborted = new Promise<never>((_, reject) => {
    abort = () => reject(signal.reason);
  });
  signal.addEventListener('abort', abort, { once: true });
  try {
    return await Promise.race([sending, aborted]);
  } catch (error) {
    sending.then(
      ({ body }) => body.on('error', () => {}).destroy(),
      () => {},
    );
    throw error;
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

function isRepeatable(body: Outgoing['body']): body is RepeatableBody {
  return typeof body === 'object' && 'open' in body && typeof body.open === 'function';
}

function toHeaders(fields: Record<string, string | string[] | undefined>): Headers {
  const headers = new Headers();
  for (const [name, value] of Object.entries(fields)) {
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one !== undefined) headers.append(name, one);
    }
  }
  return headers;
}
