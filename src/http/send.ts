/**
 * Sends one request and returns its answer, without following redirects or decoding. All traffic of this
 * program goes through a `Send`. A GET or HEAD whose connection is lost before any answer is sent once
 * more (RFC 9110 §9.2.2, RFC 9112 §9.3.1); nothing else is repeated here.
 */

import { Readable } from 'node:stream';
import type { Dispatcher } from 'undici';
import { acceptEncoding } from './content-coding.ts';
import { connectionWasLost, networkFailure } from './failures.ts';
import { type Fields, fieldsFrom } from './fields.ts';
import { isLent, type LentContent, type RepeatableBody } from './request-body.ts';
import { exchangeUpgrade } from './upgrade.ts';
import { type Deadline, untilAborted } from './waiting/within.ts';
import { pairsOf, type Wire, type WireAnswer } from './wire.ts';

export interface Outgoing {
  readonly method: string;
  readonly url: URL;
  readonly headers: Iterable<readonly [name: string, value: string]>;
  readonly body?: string | Uint8Array | Readable | RepeatableBody;
  /** Also ends the reading of the answer's body, unless its time limit is lifted before. */
  readonly signal: Deadline;
  /** Only for the relay: no fields are added, and its client decides how long to wait. */
  readonly wire?: Wire;
}

export interface Incoming {
  readonly url: URL;
  readonly status: number;
  readonly headers: Fields;
  /** As received, still encoded. Must be read or destroyed. */
  readonly body: Readable;
  /** For requests with `wire`. */
  readonly wire?: WireAnswer;
}

/** Throws AccessError `network_error`, `timeout`, `tls_untrusted`, `response_too_large`, `cancelled`. */
export type Send = (request: Outgoing) => Promise<Incoming>;

/**
 * How much of a body that arrives faster than it is read is buffered: a chunk or two, because more would
 * be joined by copying.
 */
const bufferedBytes = 256 * 1024;

export const userAgent = 'cloudflare-access-mcp';

/** What holds the connections, asked as one of undici's dispatchers is. */
export interface Requests {
  request(options: Dispatcher.RequestOptions & { readonly origin: string }): Promise<{
    readonly statusCode: number;
    readonly headers: Readonly<Record<string, string | string[] | undefined>>;
    readonly body: Readable;
    readonly statusText?: string;
    readonly trailers?: Readonly<Record<string, string | string[]>>;
  }>;
  dispatch: Dispatcher['dispatch'];
}

export function createSend(requests: Requests): Send {
  return async (request) => {
    try {
      return await exchange(requests, request);
    } catch (error) {
      if (!mayRepeat(request) || request.signal.aborted || !connectionWasLost(error)) {
        throw networkFailure(error, request.url, request.signal);
      }
    }
    try {
      return await exchange(requests, request);
    } catch (error) {
      throw networkFailure(error, request.url, request.signal);
    }
  };
}

function mayRepeat({ method, body }: Outgoing): boolean {
  return (method === 'GET' || method === 'HEAD') && body === undefined;
}

async function exchange(requests: Requests, request: Outgoing): Promise<Incoming> {
  const { method, url, body, signal, wire } = request;
  signal.throwIfAborted();
  const content = isRepeatable(body) ? await body.open() : body;
  const headers = fieldsOf(request);
  try {
    if (wire?.upgrade !== undefined) {
      return { url, ...(await exchangeUpgrade(requests, { url, headers, signal, wire })) };
    }
    const sending = requests.request({
      origin: url.origin,
      path: wire?.target ?? url.pathname + url.search,
      method: method as Dispatcher.HttpMethod,
      headers,
      body: asUndiciKnows(content),
      highWaterMark: bufferedBytes,
      signal,
      ...(wire ? asOnTheWire(wire) : {}),
    });
    // Undici notices an abort only once the request has a connection, which may take long.
    const answer = await untilAborted(sending, signal, url).catch((error: unknown) => {
      sending.then(
        ({ body }) => body.on('error', () => {}).destroy(),
        () => {},
      );
      throw error;
    });
    // Destroying an unfinished body makes it emit an error; without a listener that would end the process.
    answer.body.on('error', () => {});
    const answered = { url, status: answer.statusCode, body: answer.body };
    if (wire === undefined) return { ...answered, headers: fieldsFrom(pairsIn(answer.headers)) };
    const fields = pairsOf(answer.headers as unknown as string[]);
    const { statusText: reason = '', trailers = {} } = answer;
    return { ...answered, headers: fieldsFrom(fields), wire: { reason, fields, trailers } };
  } catch (error) {
    if (content instanceof Readable) content.destroy();
    else if (isLent(content)) await content.close();
    throw error;
  }
}

/** No timeouts when relaying: the client decides when to end long polls and quiet event streams. */
function asOnTheWire({ onInterim }: Wire) {
  return {
    responseHeaders: 'raw' as const,
    headersTimeout: 0,
    bodyTimeout: 0,
    ...(onInterim
      ? {
          onInfo: ({ statusCode, headers }: { statusCode: number; headers: unknown }) =>
            onInterim(statusCode, pairsOf(headers as string[])),
        }
      : {}),
  };
}

/** Undici's flat list of names and values. */
function fieldsOf({ headers, body, wire }: Outgoing): string[] {
  const length = isRepeatable(body) ? body.bytes : undefined;
  if (wire) {
    const own = length === undefined ? [] : ['content-length', String(length)];
    return [...[...headers].flat(), ...own];
  }
  const fields = new Map([
    ['user-agent', userAgent],
    ['accept', '*/*'],
    ['accept-encoding', acceptEncoding],
  ]);
  for (const [name, value] of headers) fields.set(name.toLowerCase(), value);
  if (length !== undefined) fields.set('content-length', String(length));
  return [...fields].flat();
}

/** Undici writes a chunk of an iterable and waits for the socket before it asks for the next: its types know only streams. */
function asUndiciKnows(
  content: string | Uint8Array | Readable | LentContent | undefined,
): string | Uint8Array | Readable | null {
  return isLent(content) ? (content as unknown as Readable) : (content ?? null);
}

function isRepeatable(body: Outgoing['body']): body is RepeatableBody {
  return typeof body === 'object' && 'open' in body && typeof body.open === 'function';
}

function* pairsIn(
  fields: Readonly<Record<string, string | string[] | undefined>>,
): Iterable<[name: string, value: string]> {
  for (const [name, value] of Object.entries(fields)) {
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one !== undefined) yield [name, one];
    }
  }
}
