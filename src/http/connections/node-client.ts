/**
 * Requests over Node's own client, for a command that makes one or two: undici's parser is compiled
 * anew in each process, which takes longer than the whole of such a request. The same bounds, and the
 * codes of failures that undici gives. What goes through a proxy is undici's.
 */
import { Agent, type ClientRequest, type IncomingMessage, request as send } from 'node:http';
import type { Agent as SecureAgent } from 'node:https';
import { Readable } from 'node:stream';
import type { Abortable } from '../../abortable.ts';
import { lookup } from '../lookup.ts';
import { isLent, type LentContent } from '../request-body.ts';
import type { Asked, Requests } from '../send.ts';
import { bounds } from '../waiting/bounds.ts';

const maxHeaderSize = 64 * 1024;

export interface NodeClient extends Pick<Requests, 'request'> {
  destroy(): void;
}

/** `connectTimeoutMs`: for one connection with its TLS handshake. */
export function createNodeClient({
  connectTimeoutMs = bounds.connection,
}: {
  readonly connectTimeoutMs?: number;
}): NodeClient {
  const connecting = { keepAlive: true, autoSelectFamilyAttemptTimeout: bounds.address };
  const plain = new Agent(connecting);
  let secure: SecureAgent | undefined;
  const agentFor = async (url: URL) => {
    if (url.protocol === 'http:') return plain;
    // Said outright, because Node's default is whatever NODE_TLS_REJECT_UNAUTHORIZED says.
    const options = { ...connecting, rejectUnauthorized: true };
    secure ??= new (await import('node:https')).Agent(options);
    return secure;
  };
  return {
    async request(asked) {
      const url = new URL(String(asked.origin));
      const agent = await agentFor(url);
      return exchange(url, agent, asked, connectTimeoutMs);
    },
    destroy() {
      plain.destroy();
      secure?.destroy();
    },
  };
}

function exchange(
  url: URL,
  agent: Agent,
  { path, method, headers, body, signal }: Asked,
  connectTimeoutMs: number,
) {
  return new Promise<Awaited<ReturnType<Requests['request']>>>((resolve, reject) => {
    const request = send({
      agent,
      protocol: url.protocol,
      // Brackets are the URL's, not the address's.
      hostname: url.hostname.replace(/^\[|\]$/g, ''),
      port: url.port,
      path,
      method,
      headers: byName(headers as string[]),
      maxHeaderSize,
      lookup,
    });
    endWith(signal, request);
    boundConnection(request, connectTimeoutMs);
    request.setTimeout(bounds.head, () => request.destroy(failure('UND_ERR_HEADERS_TIMEOUT')));
    request.on('error', (error) => reject(asUndici(error)));
    // Without an error, if the answer switches protocols unasked: Node then just lets go of the connection.
    request.on('close', () => reject(failure('UND_ERR_SOCKET')));
    request.on('response', (response) => {
      request.setTimeout(bounds.silence, () => response.destroy(failure('UND_ERR_BODY_TIMEOUT')));
      resolve({
        statusCode: response.statusCode ?? 0,
        headers: byLowerName(response.rawHeaders),
        body: bodyOf(response),
      });
    });
    if (body instanceof Readable) {
      body.on('error', (error) => request.destroy(error));
      body.pipe(request);
    } else if (isLent(body)) sendLent(request, body);
    else request.end(body ?? undefined);
  });
}

/** Its answer too, if there is one by then. */
function endWith(signal: Abortable, request: ClientRequest): void {
  const abort = () =>
    request.destroy(new Error('The request was aborted.', { cause: signal.reason }));
  if (signal.aborted) abort();
  else signal.addEventListener('abort', abort, { once: true });
  request.once('close', () => signal.removeEventListener('abort', abort));
}

/** Each chunk is taken by the socket before the next one is asked for. Ends the request by itself. */
async function sendLent(request: ClientRequest, content: LentContent): Promise<void> {
  const closed = new Promise<void>((resolve) => request.once('close', resolve));
  const length = request.getHeader('content-length');
  let sent = 0;
  try {
    for await (const chunk of content) {
      if (request.destroyed) return;
      sent += chunk.length;
      const taken = new Promise<void>((resolve) => request.write(chunk, () => resolve()));
      await Promise.race([taken, closed]);
    }
    if (length === undefined || Number(length) === sent) request.end();
    else request.destroy(failure('UND_ERR_REQ_CONTENT_LENGTH_MISMATCH'));
  } catch (error) {
    request.destroy(error instanceof Error ? error : undefined);
  }
}

/** `Agent` bounds the silence of a socket alone, and a name server or a handshake may drip. */
function boundConnection(request: ClientRequest, connectTimeoutMs: number): void {
  request.on('socket', (socket) => {
    if (!socket.connecting) return;
    const late = () => request.destroy(failure('UND_ERR_CONNECT_TIMEOUT'));
    const timer = setTimeout(late, connectTimeoutMs);
    const made = 'encrypted' in socket ? 'secureConnect' : 'connect';
    for (const event of [made, 'close']) socket.once(event, () => clearTimeout(timer));
  });
}

/** Fails as undici's body does when the connection ends too soon. */
function bodyOf(response: IncomingMessage): Readable {
  const body = new Readable({
    read: () => void response.resume(),
    destroy(error, callback) {
      response.destroy();
      callback(error);
    },
  });
  response.on('data', (chunk) => {
    if (!body.push(chunk)) response.pause();
  });
  response.on('end', () => body.push(null));
  response.on('error', (error) => body.destroy(asUndici(error)));
  return body;
}

function byName(flat: readonly string[]): Record<string, string> {
  const fields: Record<string, string> = {};
  for (let at = 0; at + 1 < flat.length; at += 2) fields[flat[at] ?? ''] = flat[at + 1] ?? '';
  return fields;
}

/** Node says that the other side reset the connection also where it only closed it. */
function asUndici(error: Error): Error {
  return /^(?:socket hang up|aborted)$/.test(error.message)
    ? Object.assign(new Error('other side closed', { cause: error }), { code: 'UND_ERR_SOCKET' })
    : error;
}

/** Not Node's own `headersDistinct`, which throws for a field named `__proto__` (until 20.20.2). */
function byLowerName(flat: readonly string[]): Record<string, string[]> {
  const fields: Record<string, string[]> = Object.create(null);
  for (let at = 0; at + 1 < flat.length; at += 2) {
    const name = (flat[at] ?? '').toLowerCase();
    fields[name] ??= [];
    fields[name].push(flat[at + 1] ?? '');
  }
  return fields;
}

function failure(code: string): Error {
  return Object.assign(new Error(code), { code });
}
