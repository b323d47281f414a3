/**
 * Sends one request and returns its answer, without following redirects or decoding. All traffic of this
 * program goes through a `Send`. A GET or HEAD whose connection is lost before any answer is sent once
 * more (RFC 9110 §9.2.2, RFC 9112 §9.3.1); nothing else is repeated here.
 */

import { Readable } from 'node:stream';
import type { Dispatcher } from 'undici';
import type { Abortable } from '../abortable.ts';
import { acceptEncoding } from './content-coding.ts';
import { abortFailure, connectionWasLost, networkFailure } from './failures.ts';
import { type Fields, fieldsFrom, fieldsIn } from './fields.ts';
import { isLent, type LentContent, type RepeatableBody } from './request-body.ts';
import { exchangeUpgrade } from './upgrade.ts';
import type { Deadline } from './waiting/within.ts';
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

export type Asked = Omit<Dispatcher.RequestOptions, 'signal'> & {
  readonly origin: string;
  readonly signal: Abortable;
};

export interface Answered {
  readonly statusCode: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Readable;
  readonly statusText?: string;
  readonly trailers?: Readonly<Record<string, string | string[]>>;
}

/** What holds the connections, asked as one of undici's dispatchers is. */
export interface Requests {
  /** Rejects as soon as `signal` aborts. */
  request(options: Asked): Promise<Answered>;
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
  if (signal.aborted) throw abortFailure(signal, url);
  const content = isRepeatable(body) ? await body.open() : body;
  const headers = fieldsOf(request);
  try {
    if (wire?.upgrade !== undefined) {
      return { url, ...(await exchangeUpgrade(requests, { url, headers, signal, wire })) };
    }
    const answer = await requests.request({
      origin: url.origin,
      path: wire?.target ?? url.pathname + url.search,
      method: method as Dispatcher.HttpMethod,
      headers,
      body: asUndiciKnows(content),
      highWaterMark: bufferedBytes,
      signal,
      ...(wire ? asOnTheWire(wire) : {}),
    });
    const { statusCode: status, body: answerBody, statusText: reason = '', trailers = {} } = answer;
    if (wire === undefined) {
      return { url, status, body: answerBody, headers: fieldsIn(answer.headers) };
    }
    const fields = pairsOf(answer.headers as unknown as string[]);
    const wireAnswer = { reason, fields, trailers };
    return { url, status, body: answerBody, headers: fieldsFrom(fields), wire: wireAnswer };
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
  const fields = new Map(defaults);
  for (const [name, value] of headers) fields.set(name.toLowerCase(), value);
  if (length !== undefined) fields.set('content-length', String(length));
  const flat: string[] = [];
  for (const [name, value] of fields) flat.push(name, value);
  return flat;
}

const defaults: readonly (readonly [name: string, value: string])[] = [
  ['user-agent', userAgent],
  ['accept', '*/*'],
  ['accept-encoding', acceptEncoding],
];

/** Undici writes a chunk of an iterable and waits for the socket before it asks for the next: its types know only streams. */
function asUndiciKnows(
  content: string | Uint8Array | Readable | LentContent | undefined,
): string | Uint8Array | Readable | null {
  return isLent(content) ? (content as unknown as Readable) : (content ?? null);
}

function isRepeatable(body: Outgoing['body']): body is RepeatableBody {
  return typeof body === 'object' && 'open' in body && typeof body.open === 'function';
}
