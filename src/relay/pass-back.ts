/** Passes an answer to the local client: head, body or tunnel, trailers. */

import type { ServerResponse } from 'node:http';
import { isCompressed } from '../http/body.ts';
import type { Fields } from '../http/fields.ts';
import type { HopAnswer } from '../http/hops.ts';
import type { Field } from '../http/next-hop.ts';
import { redact } from '../log.ts';
import type { Concealer } from '../secrets/concealer.ts';
import { type Addresses, localAddresses } from './addresses.ts';
import { answerFields } from './answer-fields.ts';
import { streamAnswer } from './answer-stream.ts';
import type { Exchange } from './local-server.ts';
import { endExchange } from './own-answer.ts';
import { tunnel } from './tunnel.ts';

interface Made {
  readonly addresses: Addresses;
  /** For the credential that the request carried. */
  readonly concealer: Concealer;
}

/** Rejects when either side leaves before the end of the body; both connections are then closed. */
export async function passBack(
  exchange: Exchange,
  { status, headers, body, wire }: HopAnswer,
  made: Made,
): Promise<void> {
  const { request, response, webSocket } = exchange;
  const given = wire?.fields ?? [];
  // Error pages have been read to be classified, and are decoded by now.
  const isDecoded = !headers.has('content-encoding') && has(given, 'content-encoding');
  const hasBody = request.method !== 'HEAD' && status !== 204 && status !== 304;
  // Not for clients of HTTP/1.0.
  const mayChunk = response.useChunkedEncodingByDefault;
  const isChunked = hasBody && mayChunk && !has(given, 'content-length');
  const fields = answerFields(given, {
    ...made,
    without: [
      ...(isDecoded ? ['content-encoding', 'content-length'] : []),
      // Node refuses to announce trailers that cannot be sent (RFC 9110 §6.5.1).
      ...(isChunked ? [] : ['trailer']),
      // RFC 9110 §8.6 forbids it with 204, but some servers send it.
      ...(status === 204 ? ['content-length'] : []),
    ],
  });
  if (wire?.upgraded && webSocket) {
    response.detachSocket(webSocket);
    tunnel(webSocket, wire.upgraded, [
      ['Connection', 'Upgrade'],
      ['Upgrade', 'websocket'],
      ...fields,
    ]);
    return;
  }
  response.sendDate = false;
  response.writeHead(status, passable(made.concealer.text(wire?.reason ?? '')), fields.flat());
  if (!hasBody) body.resume();
  else {
    // The first part of a stream may take long.
    if (!has(fields, 'content-length')) response.flushHeaders();
    await streamBody(exchange, { headers, body }, made.concealer);
    const trailers = trailerFields(wire?.trailers ?? {}, made);
    if (trailers.length > 0 && response.chunkedEncoding) response.addTrailers(trailers);
  }
  endExchange(exchange);
}

/** Without what Node refuses in a reason phrase, and what undici could not read of one: nobody needs it. */
function passable(reason: string): string {
  return reason.replace(/[^\t\x20-\x7e\x80-\xff]/g, '');
}

async function streamBody(
  { response }: Exchange,
  { headers, body }: Pick<HopAnswer, 'headers' | 'body'>,
  concealer: Concealer,
): Promise<void> {
  const conceals = concealer.active && isText(headers) && !isCompressed(headers);
  try {
    await streamAnswer(body, response, conceals ? concealer.parts('covered') : undefined);
  } catch (error) {
    body.destroy();
    // Half an answer must not look like a whole one.
    response.destroy();
    throw error;
  }
}

/** Interim answers are useful but never necessary, so one that cannot be passed on is dropped. */
export function passInterim(
  response: ServerResponse,
  status: number,
  fields: readonly Field[],
  addresses: Addresses,
): void {
  // HTTP/1.0 knows none (RFC 9110 §15.2): its clients take one for the answer.
  const isKnown = response.req.httpVersion === '1.1';
  if (!isKnown || response.headersSent || response.destroyed) return;
  try {
    if (status === 102) response.writeProcessing();
    const links = fields.filter(([name]) => name.toLowerCase() === 'link');
    // Which credential was sent is known only with the final answer.
    const isClean = links.every(([, value]) => redact(value) === value);
    if (status === 103 && links.length > 0 && isClean) {
      response.writeEarlyHints({
        link: links.map(([, value]) => localAddresses(value, addresses)),
      });
    }
  } catch {
    // Node considers the Link malformed.
  }
}

function trailerFields(
  trailers: Readonly<Record<string, string | string[]>>,
  made: Made,
): [string, string][] {
  const given = Object.entries(trailers).flatMap(([name, values]) =>
    [values].flat().map((value): Field => [name, value]),
  );
  return answerFields(given, made).map(([name, value]) => [name, value]);
}

/**
 * Types in which a debugging page may show a credential, and no type at all, which many such pages have.
 * Searching other content would cost too much.
 */
function isText(headers: Fields): boolean {
  const type = headers.get('content-type')?.trim() ?? '';
  return type === '' || textual.test(type);
}

const textual =
  /^(?:(?:text|message|multipart)\/|[^;]*[/+](?:json|xml|javascript|x-ndjson|yaml|toml|x-www-form-urlencoded)\b)/i;

function has(fields: readonly Field[], wanted: string): boolean {
  return fields.some(([name]) => name.toLowerCase() === wanted);
}
